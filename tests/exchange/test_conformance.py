"""In-process, folder and file keep the same promises (`conformance`), and each takes a forged update in its own way."""

from __future__ import annotations

from cleanroom_core.audit.update import Update
from cleanroom_core.exchange.file import export_letter, import_letter, write_new
from cleanroom_core.exchange.letter import Letter
from cleanroom_core.exchange.shelf import name_of, number_of
from tests.exchange.conformance import ExchangeConformance


def letter_with(giver, taker, update):
    size = len(Update.parse(update).entries)
    return Letter("test", giver.genesis.digest(), giver.alias, taker.alias, 0, size, None, update)


class TestInProcess(ExchangeConformance):
    name = "in-process"

    def take(self, carrier, taker, giver, update):
        taker.receive(update)


class TestFolder(ExchangeConformance):
    name = "folder"

    def take(self, carrier, taker, giver, update):
        shelf = carrier.shelf(giver, taker)
        data = letter_with(giver, taker, update).encode()
        shelf.put(name_of(1 + number_of(shelf.list().letters[-1]), data), data)
        carrier.of(taker).sync(giver.alias)


class TestFile(ExchangeConformance):
    name = "file"

    def take(self, carrier, taker, giver, update):
        path = carrier.root / "forged"
        write_new(path, letter_with(giver, taker, update).encode())
        import_letter(taker, path)

    def send_whole(self, carrier, giver, taker):
        path = carrier.root / "claim"
        export_letter(taker, giver.alias, path)
        assert import_letter(giver, path).lost
        export_letter(giver, taker.alias, carrier.root / "whole", whole=True)
        import_letter(taker, carrier.root / "whole")
