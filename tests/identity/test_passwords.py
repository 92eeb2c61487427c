"""Which passwords are accepted, and that comparing takes as long for nobody as for somebody."""

from __future__ import annotations

import unicodedata

import pytest

from cleanroom_core.errors import InputError
from cleanroom_core.identity.passwords import check_password, hash_password, password_matches


@pytest.mark.parametrize(
    "password", ["correct horse battery", "x7#kP0!mQz2w", "parole très très secrète", "парольпароль", "a" * 20 + "bcde" * 11]
)
def test_accepted(password: str) -> None:
    check_password(password, "anna")


@pytest.mark.parametrize(
    ("password", "reason"),
    [
        ("elevenchars", "at least 12"),
        ("abcde " * 11, "at most 64"),
        ("пароль" * 7, "more than 72 bytes"),
        (" correct horse battery", "space"),
        ("correct horse battery\n", "space"),
        ("correct\x00horse battery", "invisible"),
        ("correct\u200bhorse battery", "invisible"),
        ("aaaaaaaaaaaa", "guessed"),
        ("123123123123", "guessed"),
        ("north.Steward-2026", "guessed"),
    ],
)
def test_refused_with_its_reason(password: str, reason: str) -> None:
    with pytest.raises(InputError, match=reason) as caught:
        check_password(password, "north.steward")
    assert caught.value.hint
    assert password not in caught.value.diagnostics()


def test_the_same_keys_on_another_machine_are_the_same_password() -> None:
    composed = unicodedata.normalize("NFC", "café crème brûlée")
    hashed = hash_password(unicodedata.normalize("NFD", composed), rounds=4)
    assert password_matches(composed, hashed)
    assert not password_matches("cafe creme brulee", hashed)


def test_beyond_the_72nd_byte_is_no_match_and_no_crash() -> None:
    long = "0123456789ab" * 6
    hashed = hash_password(long, rounds=4)
    assert password_matches(long, hashed)
    assert not password_matches(long + "x", hashed)
    assert not password_matches("é" * 500, hashed)


def test_nobody_is_compared_at_the_same_cost(monkeypatch: pytest.MonkeyPatch) -> None:
    import bcrypt

    costs: list[bytes] = []
    real = bcrypt.checkpw

    def counted(password: bytes, hashed: bytes) -> bool:
        costs.append(hashed[:7])
        return real(password, hashed)

    monkeypatch.setattr(bcrypt, "checkpw", counted)
    known = hash_password("correct horse battery")
    assert not password_matches("wrong horse battery", known)
    assert not password_matches("wrong horse battery", None)
    assert costs == [b"$2b$12$", b"$2b$12$"]
