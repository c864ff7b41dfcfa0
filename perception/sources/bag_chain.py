"""The files of one recording, one after the other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence

from perception.sources.bag import Bag, Packed, Topic


class Chain:
    """Fills `Bag`."""

    def __init__(self, parts: Sequence[Bag]) -> None:
        self.parts = parts
        counts: Counter[str] = Counter()
        types: dict[str, str] = {}
        for topic in (topic for part in parts for topic in part.topics.values()):
            counts[topic.name] += topic.count
            types.setdefault(topic.name, topic.type)
        self.topics: Mapping[str, Topic] = {name: Topic(name, types[name], counts[name]) for name in types}
        self.span_ns = sum(part.span_ns for part in parts)
        self.facts = {name: record for part in parts for name, record in part.facts.items()}
        self.damage = tuple(text for part in parts for text in part.damage)

    @property
    def lost(self) -> Counter[str]:
        return sum((part.lost for part in self.parts), Counter())

    def raw(self, topics: Collection[str]) -> Iterator[Packed]:
        for part in self.parts:
            yield from part.raw(topics)
