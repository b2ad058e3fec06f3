"""Computes a snapshot's manifest lines from a CSV of flags, as a region of
another make would: written from packaging/doc/consent-sync.md alone.

    python3 check.py AS_OF_MILLISECONDS < flags.csv
"""
import base64, csv, hashlib, sys
from datetime import datetime, timedelta, timezone

SECTIONS = """DEMOGRAPHICS ALERTS ALLERGIES MEDICATIONS PROBLEMS CONSULTATIONS HOSPITAL_ACTIVITY INVESTIGATIONS
OBSERVATIONS IMMUNISATIONS PROCEDURES REFERRALS RECALLS APPOINTMENTS DOCUMENTS CARE_PLANS SOCIAL_CARE CONTACTS
LEGAL_SAFEGUARDING URGENT_CARE_EVENTS ABOUT_ME""".split()
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


def milliseconds(text, withholds):
    t = datetime.fromisoformat(text.replace("Z", "+00:00"))
    if len(text) == 10:
        t = t.replace(tzinfo=timezone.utc) + (timedelta(days=1) - timedelta(milliseconds=1) if withholds else timedelta())
    return (t - EPOCH) // timedelta(milliseconds=1)


def statements(line, as_of):
    """Yields (target, time, rest of the row) of one line; a target sorts as it is sent."""
    kind, withholds = line["directive"], line["directive"] in ("DISSENT", "RESTRICTION")
    effective = min(milliseconds(line["effective"], withholds), as_of)
    recorded = milliseconds(line["recorded"], withholds) if line.get("recorded") else effective
    found = kind in ("RESTRICTION", "UNRESTRICTED")
    targets = [(3, 0, o) for o in (line.get("organisations") or "").split()]
    targets += [(2, SECTIONS.index(s), s) for s in (line.get("sections") or "").split()]
    said = (line["by"], line.get("code_system") or "", line.get("code") or "")
    for target in targets or [(0 if found else 1, 0, "*")]:
        yield target, (effective, recorded, withholds) + said, kind


def escape(text):
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("\n", "\\n")


def row(number, target, said, kind):
    name = {0: "", 1: "", 2: "SECTION:", 3: "ORG:"}[target[0]] + target[2]
    effective, recorded, _, by, system, code = said
    fields = [number, kind, name, str(effective), str(recorded), by, system, code]
    return ("|".join(fields[:3] + [escape(f) for f in fields[3:]]) + "\n").encode()


def main(as_of):
    held = {}  # of each patient: target -> (time and texts, kind)
    for line in csv.DictReader(sys.stdin):
        patient = held.setdefault(line["nhs_number"].replace(" ", ""), {})
        for target, said, kind in statements(line, as_of):
            if target not in patient or said > patient[target][0]:
                patient[target] = (said, kind)
    rows = []
    for number in sorted(held):
        patient = held[number]
        whole = patient.get((1, 0, "*"), ((-(1 << 62),), ""))[0][:3]
        rows += [row(number, t, *patient[t]) for t in sorted(patient) if t[0] < 2 or patient[t][0][:3] > whole]
    hashes = (hashlib.sha256(b"mycarerecord/consent/row/v1\n" + r).digest() for r in rows)
    digest = sum(int.from_bytes(h, "big") for h in hashes) % (1 << 256)
    b64 = lambda b: base64.b64encode(b).decode()
    print(f"rows {len(rows)}\ncontent {b64(hashlib.sha256(b''.join(rows)).digest())}")
    print(f"patients {len(held)}\ndirectives {len(rows)}\ndigest {b64(digest.to_bytes(32, 'big'))}")


sys.stdin.reconfigure(encoding="utf-8-sig", newline="")
main(int(sys.argv[1]))
