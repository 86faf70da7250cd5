"""Small tables for people to have uploaded: a good one, a ragged one, one that is none, and one of people. Pure."""

from random import Random

NO_TABLE = b"%PDF-1.7\n% prices of November, printed\n"
_TOWNS = ("Madrid", "Lagos", "Paris", "Tokyo", "Lund", "Köln", "Graz", "Basel")


def orders(chance: Random, rows: int = 240) -> bytes:
    """Return orders, each row well formed."""
    lines = ["order,day,town,items,total"]
    for number in range(1, rows + 1):
        day = f"2026-{chance.randint(1, 12):02}-{chance.randint(1, 28):02}"
        total = "" if chance.random() < 0.05 else f"{chance.lognormvariate(4, 0.8):.2f}"  # noqa: PLR2004
        lines.append(f"{number},{day},{chance.choice(_TOWNS)},{chance.randint(1, 9)},{total}")
    return "\n".join(lines).encode()


def ragged(chance: Random) -> bytes:
    """Return orders of which some rows are too short."""
    lines = orders(chance, 120).split(b"\n")
    for place in (17, 40, 41, 93):
        lines[place] = lines[place].rpartition(b",")[0].rpartition(b",")[0]
    return b"\n".join(lines)


def staff() -> bytes:
    """Return people, two of whom cannot have an account."""
    return (
        b"name,full_name,email,role\n"
        b"farid,Farid Haddad,farid@example.org,user\n"
        b"gwen,Gwen Price,gwen@example.org,auditor\n"
        b"hugo,Hugo Blanc,not an address,user\n"
        b"iris,Iris Novak,iris@example.org,captain\n"
    )
