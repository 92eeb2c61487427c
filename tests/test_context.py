"""The home: made once, taken up again, refused in one sentence when another version made it."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from cleanroom_core.context import FORMAT, Context, create_home, spark_sessions
from cleanroom_core.errors import ConflictError, HomeError, InputError, NotPermittedError, NotReadyError, TokenKeyError
from cleanroom_core.identity.permissions import Permission, Role
from cleanroom_core.rehearsal import demo_users, import_room, prepare
from cleanroom_core.rooms.roomfile import read_room_file
from tests.stories.tiny_room import make_tiny_room, write_files


def test_a_home_is_closed_to_others_and_so_are_its_keys(tmp_path: Path) -> None:
    room = make_tiny_room(tmp_path)
    for alias in ("north", "south"):
        home = room.home / "rooms" / "shops" / alias
        assert stat.S_IMODE(home.stat().st_mode) == 0o700
        for path in [home / "log.db", *(home / "keys").iterdir()]:
            assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
    room.context.close()


def test_both_sides_of_a_rehearsal_have_the_same_token_key_and_no_log_has_it(tmp_path: Path) -> None:
    room = make_tiny_room(tmp_path)
    homes = [room.home / "rooms" / "shops" / alias for alias in ("north", "south")]
    north, south = ((home / "keys" / "token-member_1.key").read_text().strip() for home in homes)
    assert north == south
    room.context.close()
    for home in homes:
        assert north.split(".")[1].encode() not in b"".join(path.read_bytes() for path in home.glob("log.db*"))


def test_a_token_key_others_may_read_is_refused(tmp_path: Path) -> None:
    from cleanroom_core.stores.token_key_files import read_token_key

    room = make_tiny_room(tmp_path)
    path = room.home / "rooms/shops/north/keys/token-member_1.key"
    path.chmod(0o644)
    with pytest.raises(TokenKeyError) as refused:
        read_token_key(path.parents[1], "member-1")
    assert refused.value.code == "KEY_MODE"
    room.context.close()


@pytest.mark.parametrize("found", [FORMAT + 1, 0, "x"])
def test_a_home_of_another_version_is_refused_in_one_sentence(tmp_path: Path, found: object) -> None:
    create_home(tmp_path / "home")
    (tmp_path / "home" / "home.json").write_text(json.dumps({"format": found}))
    with pytest.raises(HomeError) as refused:
        prepare(tmp_path / "home")
    assert refused.value.code == "HOME_FORMAT"
    assert "\n" not in refused.value.message


def test_a_damaged_or_missing_home_is_refused(tmp_path: Path) -> None:
    with pytest.raises(HomeError, match="no rehearsal"):
        Context.open(tmp_path / "nowhere")
    create_home(tmp_path / "home")
    (tmp_path / "home" / "home.json").write_text("{")
    with pytest.raises(HomeError):
        Context.open(tmp_path / "home")


def test_an_import_cut_short_leaves_no_room_and_is_done_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    definition = read_room_file(write_files(tmp_path / "files"))
    create_home(tmp_path / "home")
    context = Context.open(tmp_path / "home")
    with monkeypatch.context() as patched:
        patched.setattr("cleanroom_core.rehearsal._make_token_keys", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            import_room(context, definition)
    assert context.rooms() == ()
    with pytest.raises(NotReadyError):
        context.info("shops")
    import_room(context, definition)
    assert context.rooms() == ("shops",)
    with pytest.raises(ConflictError):
        import_room(context, definition)
    context.close()


def test_two_tables_of_one_owner_with_the_same_file_name_do_not_overwrite_each_other(tmp_path: Path) -> None:
    path = write_files(tmp_path / "files")
    (tmp_path / "files" / "more").mkdir()
    (tmp_path / "files" / "more" / "baskets.csv").write_text("mail,aisle\nx@example.org,bread\n")
    text = path.read_text().replace(
        "  members:\n    owner: south",
        "  more:\n    owner: north\n    data: more/baskets.csv\n    columns:\n      member_token: {token: member, from: mail}\n"
        "      aisle: {}\n    rule: {privacy_unit: member_token, join_key: member_token, dimensions: {aisle: {}}}\n"
        "  members:\n    owner: south",
    )
    path.write_text(text)
    definition = read_room_file(path)
    names = [definition.inbox_name(name) for name in definition.policies]
    assert sorted(names) == ["baskets.csv", "members.csv", "more.csv"]


def test_demo_users_cover_every_role_of_every_side() -> None:
    users = demo_users({"a": "A", "b": "B", "c": "C"})
    assert len(users) == 3 * 5 + 1
    for alias in "abc":
        mine = [user for user in users.values() if user.organisation == alias.upper()]
        assert frozenset().union(*(user.permissions for user in mine)) == frozenset(Permission)
    assert all(user.demo for user in users.values())


def test_only_who_makes_rooms_chooses_the_engine_and_nothing_starts(tmp_path: Path) -> None:
    room = make_tiny_room(tmp_path)
    with pytest.raises(NotPermittedError):
        room.context.choose_engine("shops", room.user("north", Role.ANALYST), "spark")
    with pytest.raises(InputError, match="no engine 'polars'"):
        room.context.choose_engine("shops", room.user("north", Role.ENGINEER), "polars")
    assert room.context.info("shops").engine == "duckdb"
    room.context.choose_engine("shops", room.user("south", Role.ENGINEER), "spark")
    assert {room.context.side("shops", alias).room_engine.name for alias in ("north", "south")} == {"spark"}
    room.context.close()
    again = Context.open(room.home)
    assert again.side("shops", "north").room_engine.name == "spark"
    assert not (room.home / "spark").exists()
    again.close()


def test_a_spark_elsewhere_is_named_by_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CLEANROOM_SPARK_REMOTE", raising=False)
    assert spark_sessions(tmp_path).needs_java
    monkeypatch.setenv("CLEANROOM_SPARK_REMOTE", "sc://host:15002")
    assert not spark_sessions(tmp_path).needs_java
    monkeypatch.setenv("CLEANROOM_SPARK_REMOTE", "yarn")
    with pytest.raises(InputError):
        spark_sessions(tmp_path)
