"""The registry: which job types an installation has."""

from collections.abc import Iterator

from webapp.jobs.definition.job_type import JobType


class UnknownJobType(Exception):
    """A job type is registered under its name."""

    def __init__(self, name: str) -> None:
        """Name what was asked for."""
        super().__init__(f"There is no job type {name!r}. It was removed or is not installed here.")


class DuplicateJobType(Exception):
    """Two job types never share a name, unless one says ``replaces=True``."""


class Registry:
    """The job types of an installation, by name, in the order they were added."""

    def __init__(self) -> None:
        """Start empty."""
        self._types: dict[str, JobType] = {}

    def add(self, job_type: JobType) -> None:
        """Take one more; a second one of the same name is a `DuplicateJobType`."""
        known = self._types.get(job_type.name)
        if known and not job_type.replaces:
            message = (
                f"Two job types are named {job_type.name!r}: {known.place} and {job_type.place}. "
                "Rename one, or say replaces=True."
            )
            raise DuplicateJobType(message)
        self._types[job_type.name] = job_type

    def get(self, name: str) -> JobType:
        """Return the type of that name, else raise `UnknownJobType`."""
        try:
            return self._types[name]
        except KeyError:
            raise UnknownJobType(name) from None

    def __iter__(self) -> Iterator[JobType]:
        """Go through all of them."""
        return iter(self._types.values())

    def __contains__(self, name: str) -> bool:
        """Tell whether a type of that name is known."""
        return name in self._types
