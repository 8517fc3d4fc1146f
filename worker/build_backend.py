"""How pip and other frontends build the distribution (PEP 517).

maturin builds the worker and packs the package. What it cannot build, as they come from another crate, cargo builds
before that: the Apache module and the command. Both are built without Python, so that they fit any.
"""

import os
import shutil
import subprocess
import sys
import sysconfig
from contextlib import contextmanager
from pathlib import Path

import maturin
from maturin import build_sdist, get_requires_for_build_sdist, prepare_metadata_for_build_wheel

__all__ = [
    "build_sdist",
    "build_wheel",
    "get_requires_for_build_sdist",
    "get_requires_for_build_wheel",
    "prepare_metadata_for_build_wheel",
]

ROOT = Path(__file__).resolve().parent.parent
PROGRAMS = ROOT / "worker/python/rwsgi/bin"
CARGO = os.environ.get("CARGO", "cargo")


def get_requires_for_build_wheel(config_settings=None):
    if shutil.which(CARGO) is None:
        sys.exit("rwsgi is built from source here, and Rust is missing: install it as https://rustup.rs describes")
    return []


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    version = sysconfig.get_config_var("py_version_short") + getattr(sys, "abiflags", "")
    with programs():
        # Each Python has a folder of its own, as the compiled parts differ.
        os.environ.setdefault("CARGO_TARGET_DIR", str(ROOT / "target" / f"worker-{version}"))
        os.environ["PYO3_BUILD_EXTENSION_MODULE"] = "1"
        return maturin.build_wheel(wheel_directory, config_settings, metadata_directory)


@contextmanager
def programs():
    """The module and the command in the package, for as long as it is packed."""
    target = ROOT / "target/programs"
    subprocess.run(
        [CARGO, "build", "--locked", "--quiet", "--profile", "wheel", "--package", "rwsgi", "--lib", "--bin", "rwsgi"]
        + ["--no-default-features", "--features", "httpd,command", "--target-dir", str(target)],
        cwd=ROOT,
        check=True,
    )
    PROGRAMS.mkdir(exist_ok=True)
    try:
        for built, name in [("rwsgi", "rwsgi"), ("libmod_rwsgi.so", "mod_rwsgi.so")]:
            shutil.copyfile(target / "wheel" / built, PROGRAMS / name)
            (PROGRAMS / name).chmod(0o755)
        yield
    finally:
        shutil.rmtree(PROGRAMS)
