"""Make the tables of an invented hospital and an invented insurer: `admissions.csv` and `members.csv`.

    python examples/hospital/generate.py [--out DIR] [--seed 11] [--patients 2600] [--if-missing]

Same arguments, same bytes; the files in `data/` are what the default arguments give. National ids are ten random digits and may
begin with zeros, so they must stay text. One in a hundred is written differently on each side. Readmission depends on how the
patient came (which the hospital knows) and on the chronic programme (which only the insurer knows).
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
FIRST_DAY, DAYS = date(2026, 4, 1), 183

# referral path: share of admissions, how many times the usual readmission
PATHS = {"gp": (0.34, 0.8), "emergency": (0.38, 1.5), "specialist": (0.22, 0.7), "self": (0.06, 1.1)}
# chronic programme: share of patients, how many times the usual readmission
PROGRAMMES = {"none": (0.62, 0.7), "diabetes": (0.17, 1.5), "heart": (0.13, 2.1), "respiratory": (0.08, 1.8)}
AGES = {"0-17": 0.08, "18-44": 0.24, "45-64": 0.30, "65-79": 0.26, "80+": 0.12}
AREAS = {"010": 0.35, "011": 0.30, "034": 0.20, "107": 0.15}
PLANS = {"basic": 0.6, "plus": 0.4}
USUAL_READMISSION = 0.11
MEMBERS_PER_PATIENT = 1.15
COVERED = 0.85  # of the patients are the insurer's members
DIRTY = 0.01
FULL_WIDTH = str.maketrans("0123456789", "０１２３４５６７８９")

Row = tuple[str | int, ...]
ADMISSIONS: Row = (
    "patient_no", "admitted_on", "referral_path", "age_band", "postcode_area", "stay_days", "readmitted_30d",
    "research_consent",
)  # fmt: skip
MEMBERS: Row = ("national_id", "chronic_programme", "plan_type", "annual_cost")


def generate(seed: int, patients: int) -> tuple[list[Row], list[Row]]:
    """(admissions, members), each with its header as the first row."""
    rng = np.random.default_rng(seed)
    covered = round(patients * COVERED)
    total = patients + max(round(patients * MEMBERS_PER_PATIENT) - covered, 0)
    numbers = _national_ids(rng, total)
    programmes = _choice(rng, {name: share for name, (share, _) in PROGRAMMES.items()}, total)
    ages, areas, plans = _choice(rng, AGES, patients), _choice(rng, AREAS, patients), _choice(rng, PLANS, total)

    admissions: list[Row] = []
    paths = {name: share for name, (share, _) in PATHS.items()}
    for at in range(patients):
        consent = "yes" if rng.random() < 0.93 else "no"
        for _ in range(1 + min(int(rng.geometric(0.72)) - 1, 6)):  # most come once, a few many times
            path = _choice(rng, paths, 1)[0]
            risk = USUAL_READMISSION * PATHS[path][1] * PROGRAMMES[programmes[at]][1]
            stay = min(int(rng.gamma(2.0, 1.6 * PROGRAMMES[programmes[at]][1] ** 0.5)) + 1, 60)
            day = FIRST_DAY + timedelta(days=int(rng.integers(0, DAYS)))
            spelled = _spelled(rng, numbers[at], ("{} ", "dashes"))
            admissions.append((spelled, day.isoformat(), path, ages[at], areas[at], stay, int(rng.random() < risk), consent))
    admissions.sort(key=lambda row: (row[1], row[0]))

    members: list[Row] = []
    for at in rng.permutation([*range(covered), *range(patients, total)]):
        cost = rng.lognormal(7.2, 0.7) * PROGRAMMES[programmes[at]][1] ** 1.3
        spelled = _spelled(rng, numbers[at], ("full width", "{}  "))
        members.append((spelled, programmes[at], plans[at], f"{min(cost, 60_000):.2f}"))
    return [ADMISSIONS, *admissions], [MEMBERS, *members]


def _national_ids(rng: np.random.Generator, count: int) -> list[str]:
    """Distinct ids of ten digits; about every third begins with a zero, as where an id begins with a year of birth."""
    found: dict[str, None] = {}
    while len(found) < count:
        top = 10**9 if rng.random() < 0.3 else 10**10
        found[f"{rng.integers(0, top):010d}"] = None
    return list(found)


def _choice(rng: np.random.Generator, shares: Mapping[str, float], count: int) -> list[str]:
    names, weights = list(shares), np.array(list(shares.values()))
    return [names[at] for at in rng.choice(len(names), count, p=weights / weights.sum())]


def _spelled(rng: np.random.Generator, number: str, ways: Sequence[str]) -> str:
    if rng.random() >= DIRTY:
        return number
    way = ways[int(rng.integers(0, len(ways)))]
    if way == "dashes":
        return f"{number[:6]}-{number[6:]}"
    return number.translate(FULL_WIDTH) if way == "full width" else way.format(number)


def write(path: Path, rows: Sequence[Row]) -> None:
    """One CSV file (RFC 4180 apart from the line end), complete or not there."""
    making = path.with_suffix(".making")
    with making.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)
    making.replace(path)


def main() -> None:
    parser = argparse.ArgumentParser(description="Make the tables of an invented hospital and an invented insurer.")
    parser.add_argument("--out", type=Path, default=HERE / "data", help="the folder to write into (default: data/ beside this)")
    parser.add_argument("--seed", type=int, default=11)
    parser.add_argument("--patients", type=int, default=2600)
    parser.add_argument("--if-missing", action="store_true", help="do nothing when both tables are there")
    args = parser.parse_args()
    if args.patients < 10:
        parser.error("at least 10 patients")
    if args.if_missing and all((args.out / name).is_file() for name in ("admissions.csv", "members.csv")):
        print(f"{args.out}: there already")
        return
    admissions, members = generate(args.seed, args.patients)
    args.out.mkdir(parents=True, exist_ok=True)
    write(args.out / "admissions.csv", admissions)
    write(args.out / "members.csv", members)
    print(f"{args.out}: {len(admissions) - 1} admissions, {len(members) - 1} members")


if __name__ == "__main__":
    main()
