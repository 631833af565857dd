"""Stock of a small shop: what is there, what is reserved, what must be ordered."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path


class StockError(Exception):
    """An article is unknown, or there is not enough of it."""


@dataclass(frozen=True)
class Article:
    """Something that is sold."""

    number: str
    name: str
    price: float
    minimum: int = 5


@dataclass
class Reservation:
    """Some pieces of an article, kept for a customer until a day."""

    article: Article
    customer: str
    pieces: int
    until: date

    def expired(self, today: date) -> bool:
        """Whether the customer has not come in time."""
        return today > self.until


@dataclass
class Inventory:
    """Counts of articles and the reservations on them."""

    articles: dict[str, Article] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    reservations: list[Reservation] = field(default_factory=list)

    def add(self, article: Article, pieces: int) -> None:
        """Put pieces of an article on the shelf."""
        if pieces < 0:
            raise StockError(f"cannot add {pieces} pieces of {article.name}")
        self.articles[article.number] = article
        self.counts[article.number] += pieces

    def remove(self, number: str, pieces: int) -> None:
        """Take pieces of an article from the shelf."""
        if self.available(number) < pieces:
            raise StockError(f"not enough pieces of {number}")
        self.counts[number] -= pieces

    def available(self, number: str) -> int:
        """Pieces on the shelf that nobody has reserved."""
        if number not in self.articles:
            raise StockError(f"unknown article {number}")
        reserved = sum(r.pieces for r in self.reservations if r.article.number == number)
        return self.counts[number] - reserved

    def reserve(self, number: str, customer: str, pieces: int, today: date) -> Reservation:
        """Keep pieces for a customer for a week."""
        if self.available(number) < pieces:
            raise StockError(f"not enough pieces of {number}")
        until = today + timedelta(days=7)
        reservation = Reservation(self.articles[number], customer, pieces, until)
        self.reservations.append(reservation)
        return reservation

    def release_expired(self, today: date) -> list[Reservation]:
        """Drop the reservations that have run out, and return them."""
        expired = [r for r in self.reservations if r.expired(today)]
        self.reservations = [r for r in self.reservations if not r.expired(today)]
        return expired

    def to_order(self) -> Iterator[tuple[Article, int]]:
        """Articles below their minimum, with the pieces that are missing."""
        for number, article in sorted(self.articles.items()):
            missing = article.minimum - self.available(number)
            if missing > 0:
                yield article, missing

    def value(self) -> float:
        """What all pieces on the shelf are worth."""
        return sum(self.articles[number].price * count for number, count in self.counts.items())


def read_articles(path: Path) -> list[Article]:
    """Read articles from a CSV file with a header line."""
    with path.open(newline="", encoding="utf-8") as file:
        return [
            Article(row["number"], row["name"], float(row["price"]), int(row["minimum"]))
            for row in csv.DictReader(file)
        ]


def write_report(inventory: Inventory, lines: Iterable[str], path: Path) -> None:
    """Write a report with one line per article that has to be ordered."""
    with path.open("w", encoding="utf-8") as file:
        for line in lines:
            file.write(line + "\n")
        for article, missing in inventory.to_order():
            file.write(f"{article.number}: order {missing} x {article.name}\n")
        file.write(f"total value: {inventory.value():.2f}\n")
