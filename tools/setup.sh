#!/bin/sh
# Makes .venv/ beside the Makefile: exactly requirements.lock, checked by hash, and labkit itself.
# With uv when it is on the PATH (it brings a fitting Python if there is none), else with a Python
# that is there, and pip. A second run finds its own stamp and does nothing.
# PYTHON=/some/python chooses the interpreter.
set -u
cd "$(dirname "$0")/.." || exit 1

fits=$(sed -n 's/^requires-python = "\(.*\)"$/\1/p' pyproject.toml)
# The place first: a checkout that was moved has scripts that point nowhere.
stamp="$PWD
$(cat requirements.lock pyproject.toml tools/setup.sh | cksum)"

say() { printf 'labkit: %s\n' "$*"; }

fail() {
    printf 'labkit: %s\n' "$*" >&2
    exit 1
}

# The output is held in a variable, not in a file: it must outlive a full disk.
run() {
    output=$("$@" 2>&1) && return
    refuse_full_disk "$output"
    case $output in
    *"No interpreter found"*)
        fail "no Python $fits here, and uv may not bring one (its downloads are off). Install one, or allow them." ;;
    *"invalid peer certificate"* | *"CERTIFICATE_VERIFY_FAILED"*)
        fail "the certificate of the package index is not trusted here (a proxy of your company?). Set SSL_CERT_FILE for uv, PIP_CERT for pip, and run it again." ;;
    *"NewConnectionError"* | *"ConnectTimeout"* | *"NameResolutionError"* | *"dns error"* | \
    *"Temporary failure in name resolution"* | *"error sending request"* | *"tcp connect error"* | \
    *"Failed to fetch"* | *"Could not connect"* | *"Network is unreachable"* | *"Network connectivity is disabled"*)
        fail "no network: what is needed could not be fetched. Check the connection (or the proxy) and run it again." ;;
    # Where pip was told not to try again, this is all that it says of an index out of reach.
    *"(from versions: none)"*)
        fail "no network, or a package index without what requirements.lock names. Check the connection (or the proxy, or PIP_INDEX_URL) and run it again." ;;
    *"DO NOT MATCH THE HASHES"* | *"Hash mismatch"*)
        fail "a download is not the file that requirements.lock names; it was not installed. Run it again; if it stays so, the package index serves something else." ;;
    esac
    printf '%s\n' "$output" | tail -n 15 >&2
    fail "the set-up failed; above are the last lines of: $*"
}

# Also by the space itself: venv does not pass on why its pip could not be written.
refuse_full_disk() {
    free=$(df -Pk . | awk 'NR == 2 { print int($4 / 1024) }')
    case $1 in
    *"No space left"* | *"os error 28"* | *"Errno 28"*) ;;
    *) [ "$free" -lt 10 ] || return 0 ;;
    esac
    fail "the disk is full: $free MB free at $PWD, and the set-up wants about 1 GB. Make room and run it again."
}

# Prints a Python's version; succeeds when it fits, and says on the second line if it lacks venv.
# Runs in whatever Python is found, the very old ones too.
examine() {
    "$1" - "$fits" <<'PYTHON' 2>/dev/null
import re, sys
low, high = [tuple(map(int, pair)) for pair in re.findall(r"(\d+)\.(\d+)", sys.argv[1])]
print("%d.%d" % sys.version_info[:2])
if not low <= sys.version_info[:2] < high:
    sys.exit(1)
try:
    import ensurepip, venv
except ImportError:
    print("lacks venv")
PYTHON
}

# The first Python on the PATH that fits and can make an environment; else one clear line.
choose_python() {
    unfit= bare=
    if [ -n "${PYTHON-}" ]; then set -- "$PYTHON"; else set -- python3.12 python3.13 python3.11 python3 python; fi
    for python; do
        where=$(command -v "$python") || continue
        if found=$(examine "$where"); then
            case $found in
            *"lacks venv"*) bare=${bare:-$where} ;;
            *) return ;;
            esac
        elif [ -n "$found" ]; then
            unfit=${unfit:-"$where is Python $found"}
        fi
    done
    uv_hint="Or install uv (https://docs.astral.sh/uv/), which brings a fitting one."
    if [ -n "$bare" ]; then
        version=$(examine "$bare" | head -n 1)
        fail "$bare has no venv module. On Debian and Ubuntu: sudo apt install python$version-venv. $uv_hint"
    fi
    [ -z "$unfit" ] || fail "$unfit, and labkit needs Python $fits. Install one. $uv_hint"
    fail "no Python found on the PATH; labkit needs Python $fits. Install one. $uv_hint"
}

# An environment that this script finished in this place, with the chosen Python if one is chosen,
# is kept, and brought up to date.
usable() {
    [ "$(sed -n 1p .venv/labkit-stamp 2>/dev/null)" = "$PWD" ] || return 1
    [ -z "${PYTHON-}" ] || [ "$(sed -n 3p .venv/labkit-stamp)" = "$PYTHON" ] || return 1
    examine .venv/bin/python >/dev/null
}

[ "$(sed -n 1,2p .venv/labkit-stamp 2>/dev/null)" = "$stamp" ] && usable && exit 0

clear_place() {
    [ ! -e .venv ] || say "replacing .venv, which is of another place, another Python or not finished"
    rm -rf .venv
}

write_stamp() { printf '%s\n' "$stamp" "${PYTHON-}" >.venv/labkit-stamp; }

if command -v uv >/dev/null 2>&1; then
    say "setting up .venv with uv (once; a minute or two on a slow line)"
    if ! usable; then
        if [ -n "${PYTHON-}" ]; then
            version=$(examine "$PYTHON") || fail "$PYTHON is ${version:+Python }${version:-no Python}, and labkit needs Python $fits."
        fi
        clear_place
        run uv venv --python "${PYTHON:-$fits}" .venv
    fi
    # uv leaves out what pip does: without bytecode, and where Python may not write it later, each
    # process compiles all that it imports, and a worker starts three times as slowly.
    run uv pip sync --python .venv/bin/python --compile-bytecode --no-build --require-hashes requirements.lock
    run uv pip install --python .venv/bin/python --no-deps --no-build-isolation --editable .
else
    if ! usable || ! .venv/bin/python -m pip --version >/dev/null 2>&1; then
        choose_python
        say "setting up .venv with $where and pip (once; a minute or two)"
        clear_place
        run "$where" -m venv .venv
    else
        say "bringing .venv up to date with pip"
    fi
    run .venv/bin/python -m pip install --only-binary :all: --require-hashes -r requirements.lock
    run .venv/bin/python -m pip install --no-deps --no-build-isolation --editable .
fi

run write_stamp
say "ready: $(.venv/bin/python --version) in .venv"
