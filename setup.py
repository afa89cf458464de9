"""Packages are found; the repository root is the package ``fastbench`` itself. All else stands in pyproject.toml."""

from setuptools import find_packages, setup

setup(
    packages=["fastbench", *(f"fastbench.{name}" for name in find_packages(exclude=["tests", "tests.*"]))],
    package_dir={"fastbench": "."},
)
