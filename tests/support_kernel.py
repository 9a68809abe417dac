"""A real kernel, without a notebook around it."""

from __future__ import annotations

import os
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from jupyter_client.manager import KernelManager
from nbformat.v4 import output_from_msg


class Kernel:
    """A context manager; ``run`` returns a cell's outputs as a notebook would store them."""

    def __init__(
        self, cwd: Path | None = None, env: dict[str, str] | None = None, extension: str = ""
    ) -> None:
        self._manager = KernelManager(kernel_name="python3")
        self._extra = [f"--ext={extension}"] if extension else []
        self._cwd = cwd or Path.cwd()
        self._env = dict(os.environ) if env is None else env
        # ipykernel changes its ways when it sees it: what child processes print would be lost.
        self._env.pop("PYTEST_CURRENT_TEST", None)

    def __enter__(self) -> Self:
        self._manager.start_kernel(cwd=str(self._cwd), env=self._env, extra_arguments=self._extra)
        self._client = self._manager.client()
        self._client.start_channels()
        self._client.wait_for_ready(timeout=60)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._client.stop_channels()
        self._manager.shutdown_kernel()
        self._manager.cleanup_resources()

    def run(self, source: str, *, fails: bool = False, answer: str | None = None) -> list[Any]:
        """Run a cell; an error in it fails the test, or with ``fails`` its absence does.

        Whoever is asked in it hears ``answer``; without one there is no place to ask.
        """
        outputs, status = self._execute(source, answer)
        assert (status == "error") is fails, outputs
        return outputs

    def cell(self, cell: Any) -> list[Any]:
        """Run a cell of a notebook as JupyterLab does, which says which one it is."""
        self._client.session.metadata = {"cellId": cell.id}
        outputs, _ = self._execute(cell.source)
        self._client.session.metadata = {}
        return outputs

    def _execute(self, source: str, answer: str | None = None) -> tuple[list[Any], str]:
        kinds = ("stream", "display_data", "execute_result", "error")
        outputs: list[Any] = []

        def keep(message: dict[str, Any]) -> None:
            if message["msg_type"] not in kinds:
                return
            output, last = output_from_msg(message), outputs[-1] if outputs else {}
            # What is printed comes in one message or in several, as the kernel finds time.
            if output.output_type == "stream" and last.get("name") == output.name:
                last.text += output.text
            else:
                outputs.append(output)

        reply = self._client.execute_interactive(
            source,
            timeout=60,
            output_hook=keep,
            allow_stdin=answer is not None,
            stdin_hook=lambda _: self._client.input(answer),
        )
        return outputs, reply["content"]["status"]


def outputs_of(source: str) -> list[Any]:
    """The outputs of one cell in a kernel of its own."""
    with Kernel() as kernel:
        return kernel.run(source)
