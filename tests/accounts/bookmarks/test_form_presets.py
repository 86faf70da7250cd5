"""Form presets: the user's own, and those shared within a tenant."""

from collections.abc import Callable

import pytest

from webapp.accounts.bookmarks import form_presets
from webapp.accounts.bookmarks.form_presets import PresetNotFound
from webapp.accounts.bookmarks.shared_names import BadName
from webapp.accounts.user import User
from webapp.services import Services

Person = Callable[..., User]
pytestmark = pytest.mark.usefixtures("database")
VALUES = {"format": "csv"}


def test_own_presets_come_first_then_those_shared_in_the_tenant(services: Services, person: Person) -> None:
    ana, bob, nora = person("ana"), person("bob"), person("nora", tenant="north")
    save = services.form_presets.save
    save(ana, "export", "Mine", VALUES, shared=False)
    save(ana, "other", "Other", VALUES, shared=True)
    save(bob, "export", "All", VALUES, shared=True)
    save(bob, "export", "Private", VALUES, shared=False)
    save(nora, "export", "Northern", VALUES, shared=True)
    assert [each.name for each in services.form_presets.visible_to(ana, "export")] == ["Mine", "All"]
    assert [each.name for each in services.form_presets.visible_to(nora, "export")] == ["Northern"]
    assert services.form_presets.shared_named("export", "All").values == VALUES
    for hidden in ("Mine", "Private", "Other"):
        with pytest.raises(PresetNotFound):
            services.form_presets.shared_named("export", hidden)


def test_saving_under_the_same_name_replaces_the_preset(services: Services, person: Person) -> None:
    ana = person("ana")
    first = services.form_presets.save(ana, "export", "Mine", VALUES, shared=False)
    second = services.form_presets.save(ana, "export", "Mine", {"format": "xlsx"}, shared=True)
    assert (second.id, second.values, second.shared) == (first.id, {"format": "xlsx"}, True)


def test_values_that_are_too_large_are_refused(services: Services, person: Person) -> None:
    with pytest.raises(BadName, match="too large for a preset"):
        services.form_presets.save(person("ana"), "export", "Mine", {"text": "x" * 70_000}, shared=False)


def test_the_owner_deletes_a_preset_and_admins_a_shared_one(services: Services, person: Person) -> None:
    ana, bob, root = person("ana"), person("bob"), person("root", role="admin")
    own = services.form_presets.save(ana, "export", "Mine", VALUES, shared=False)
    shared = services.form_presets.save(ana, "export", "Shared", VALUES, shared=True)
    for user, preset in ((bob, own), (bob, shared), (root, own)):
        with pytest.raises(PresetNotFound):
            services.form_presets.delete(user, preset.id)
    services.form_presets.delete(ana, own.id)
    services.form_presets.delete(root, shared.id)
    assert services.form_presets.visible_to(ana, "export") == ()


def test_a_user_saves_a_limited_number(services: Services, person: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(form_presets, "MOST", 1)
    ana = person("ana")
    services.form_presets.save(ana, "export", "One", VALUES, shared=False)
    services.form_presets.save(ana, "other", "One", VALUES, shared=False)
    with pytest.raises(BadName, match="at most 1 presets"):
        services.form_presets.save(ana, "export", "Two", VALUES, shared=False)
