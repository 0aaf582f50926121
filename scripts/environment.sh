# Sourced by the other scripts: makes .venv from nothing, once, and leaves the shell in the repository root.
# The stamp says what the environment was made from. It is written last, so that a half-made one is made anew.

cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit
export OMP_NUM_THREADS="${OMP_NUM_THREADS:-1}"

_stamp() {
    "$PWD/.venv/bin/python" - <<'PYTHON' 2>/dev/null
import hashlib, importlib.util, pathlib, sys
needed = ("physym", "simulators", "distributed", "numba", "numpy", "pytest", "ruff", "safetensors",
          "sklearn", "sympy", "torch", "xarray", "zarr")
missing = [name for name in needed if importlib.util.find_spec(name) is None]
made_from = b"".join(pathlib.Path(name).read_bytes() for name in ("pyproject.toml", "constraints.txt"))
print(hashlib.sha256(made_from).hexdigest(), pathlib.Path.cwd(), sys.version.replace("\n", " "), *missing)
PYTHON
}

_make_environment() {
    local python="${PYTHON:-python3}" log
    if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
        echo "physym: expected Python >= 3.11, given $("$python" --version 2>&1); set PYTHON to another one" >&2
        return 2
    fi
    echo "physym: setting up .venv, once; it downloads torch, so this takes a few minutes ..." >&2
    rm -rf .venv
    log="$(mktemp)"
    if ! { "$python" -m venv .venv &&
        .venv/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'; } >"$log" 2>&1; then
        cat "$log" >&2
        rm -f "$log"
        echo "physym: .venv could not be set up, for the reason above; mend it and give the same command again" >&2
        return 2
    fi
    rm -f "$log"
    _stamp >.venv/stamp
}

if ! [ -s .venv/stamp ] || [ "$(_stamp)" != "$(cat .venv/stamp)" ]; then
    _make_environment || exit
fi
export PATH="$PWD/.venv/bin:$PATH"
