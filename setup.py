"""Build the wheel. Beside `webapp` it holds the templates and static files, which a checkout keeps at its top level."""

from setuptools import find_packages, setup

FOLDERS = ("templates", "static")

setup(
    packages=[*find_packages(include=["webapp*"]), *(f"webapp.{folder}" for folder in FOLDERS)],
    package_dir={f"webapp.{folder}": folder for folder in FOLDERS},
    package_data={
        "webapp": [
            "migrations/*",
            "migrations/versions/*",
            "jobtypes/**/templates/*",
            "notifications/channels/templates/*",
            "translations/*/LC_MESSAGES/*",
        ],
        **{f"webapp.{folder}": ["**/*"] for folder in FOLDERS},
    },
)
