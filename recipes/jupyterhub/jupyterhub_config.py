"""JupyterHub for a class: a server for each learner, one Redis and one PostgreSQL for all of them.

README.md beside this file says how it is started. labkit needs three variables in a learner's
server: REDIS_URL and DATABASE_URL, the same for all, and JUPYTERHUB_USER, which the hub sets. From
that name come the learner's namespace in Redis and their schema in PostgreSQL.
"""

import os
import shutil
from pathlib import Path

from labkit import hub, launch
from labkit.settings import Settings

c = get_config()  # noqa: F821 - JupyterHub's own
COURSE = Path(__file__).resolve().parents[2]
HOMES = Path(os.environ.get("CLASS_HOMES", "homes")).resolve()

# Who may come: whoever knows the password of the class, under any name. For more than one room,
# take an authenticator that knows your people; see the hub's own documentation.
c.JupyterHub.authenticator_class = "shared-password"
c.SharedPasswordAuthenticator.user_password = os.environ["CLASS_PASSWORD"]
c.Authenticator.allow_all = True
# Teachers, who see the servers of all, have one of their own (32 letters at the least).
if teachers := set(os.environ.get("CLASS_TEACHERS", "").split()):
    c.Authenticator.admin_users = teachers
    c.SharedPasswordAuthenticator.admin_password = os.environ["CLASS_TEACHERS_PASSWORD"]

# All servers run as the user of the hub: fine for a room whose learners trust each other. With
# systemdspawner, DockerSpawner or KubeSpawner in its place each gets walls, memory and a share of
# the processors of their own; the lines below stay.
c.JupyterHub.spawner_class = "simple"
c.Spawner.default_url = "/lab/tree/notebooks/00_start_here.ipynb"
c.Spawner.notebook_dir = "~"
c.Spawner.args = ["--allow-root"] if os.geteuid() == 0 else []
# Thirty servers on two cores take their time.
c.Spawner.start_timeout = c.Spawner.http_timeout = 120
c.JupyterHub.concurrent_spawn_limit = 5

# The programs, kernel and hooks that `labkit lab` gives, and where jobs and rows are.
ours = launch.environment(Settings(root=COURSE))
given = ("PATH", "JUPYTER_PATH", "JUPYTER_CONFIG_PATH", "REDIS_URL", "DATABASE_URL")
c.Spawner.environment = {name: ours[name] for name in given}


def give_course(spawner):
    """A learner's home holds the course; what is there already is theirs, and stays."""
    home = HOMES / hub.namespace_of(spawner.user.name)
    spawner.home_dir = str(home)
    home.mkdir(parents=True, exist_ok=True)
    shutil.copy(COURSE / "labkit.toml", home)
    for notebook in (COURSE / "notebooks").rglob("*"):
        copy = home / notebook.relative_to(COURSE)
        if notebook.is_file() and not copy.exists():
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(notebook, copy)
    spawner.environment = {**spawner.environment, "LABKIT_HOME": str(home)}


c.Spawner.pre_spawn_hook = give_course
