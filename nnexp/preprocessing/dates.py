"""Dates and times: from text to days since 1970 in UTC, and to features of the calendar. N values.

Read are ISO 8601 and what databases and spreadsheets write: 2024-01-31T10:00:00Z, 2024-01-31 10:00:00.123
+01:00, 2024-01, 31.01.2024, 01/31/2024 2:05 PM, 31-Jan-2024, Wed, 31 Jan 2024; times and durations, 14:05:33.
"""

import re
from collections.abc import Sequence
from contextlib import suppress
from datetime import date, datetime, time, timedelta
from typing import Literal

import numpy as np
from numpy.typing import NDArray

DateFormat = Literal["date", "day_first", "month_first", "time"]
"""What a column holds: dates that can be read in one way only, in a stated order, or times of a day."""
ORDERS: tuple[DateFormat, DateFormat] = ("day_first", "month_first")
DateFeature = Literal["weekday", "month", "hour"]
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
FEATURES = {"weekday": WEEKDAYS, "month": MONTHS, "hour": tuple(map(str, range(24)))}
"""The categories of each feature of the calendar."""
MONTH_OF = {name.lower()[:length]: n for n, name in enumerate(MONTHS, 1) for length in (3, len(name))}
MONTH_OF["sept"] = 9
EPOCH = date(1970, 1, 1).toordinal()  # a Thursday
MINUTE, HOUR, DAY = 60 * 10**6, 3600 * 10**6, 24 * 3600 * 10**6  # microseconds
CLOCK = r"(?P<hour>\d{1,4}):(?P<minute>\d\d)(:(?P<second>\d\d)([.,](?P<fraction>\d{1,9}))?)?"
CLOCK += r"( ?(?P<half>[ap])\.?m\.?)?"
ZONE = r"Z|UTC|GMT|[+-]\d\d(?::?\d\d)?"
TIME = rf"{CLOCK}( ?(?P<zone>{ZONE}))?"
DAY_NAME = f"((?:{'|'.join(f'{name[:3]}(?:{name[3:]})?' for name in WEEKDAYS)}),? )?"
NAME = f"(?P<name>{'|'.join(sorted(MONTH_OF, key=len, reverse=True))})"
DATES = (
    r"(?P<year>\d{4})(?P<mark>[-/.])(?P<month>\d\d?)(?P=mark)(?P<day>\d\d?)",
    r"(?P<day>\d\d?)(?P<mark>[-/.])(?P<month>\d\d?)(?P=mark)(?P<year>\d{4})",
    rf"{DAY_NAME}(?P<day>\d\d?)[- ]?{NAME}\.?[- ,]{{1,2}}(?P<year>\d{{4}})",
    rf"{DAY_NAME}{NAME}\.? {{1,2}}(?P<day>\d\d?),? (?P<year>\d{{4}})",
    r"(?P<year>(19|20)\d\d)-(?P<month>\d\d)",
    r"(?P<year>\d{4})[年년] ?(?P<month>\d\d?)[月월] ?(?P<day>\d\d?)[日일]",
)
PATTERNS = [re.compile(f"{pattern}([T ]+{TIME})?", re.IGNORECASE) for pattern in DATES]
TIME_ALONE = re.compile(rf"(?=.)((?P<days>-?\d+) days?( \+?|$))?({TIME})?", re.IGNORECASE)
ZONE_AT_END = re.compile(rf":\d\d[^+-]*(?:{ZONE})$", re.IGNORECASE)
SHORT_YEAR = re.compile(r"(.{3,}[-/. ])(\d\d)([T ].*)?")
NO_DATE = re.compile(r"(0000-00-00|0001-01-01|9999-12-31)([T ].*)?")  # what databases write for a missing one
PLAIN = re.compile(r"(?!000|9999)\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d{1,6})?)?)?")  # read by NumPy, fast
SAMPLE = 20  # texts that are looked at first
Floats = NDArray[np.float64]


def parse_dates(texts: Sequence[str], date_format: DateFormat) -> Floats:
    """Parse texts as days since 1970 in UTC, times as shares of a day (N,); NaN where it is no such text."""
    if texts and date_format != "time" and all(map(PLAIN.fullmatch, texts)):
        with suppress(ValueError):  # there is no such day
            return np.array(texts, "datetime64[us]").astype(np.int64) / DAY
    parsed = (parse_moment(text, date_format) for text in texts)
    return np.array([np.nan if moment is None else moment for moment in parsed], np.float64) / DAY


def parse_moment(text: str, date_format: DateFormat = "date") -> int | None:
    """Parse a text as microseconds since 1970 in UTC, or since midnight; None if it is no such text."""
    if date_format == "time":
        return None if (match := TIME_ALONE.fullmatch(text)) is None else _time(match)
    if NO_DATE.fullmatch(text):
        return None
    match = next((match for pattern in PATTERNS if (match := pattern.fullmatch(text))), None)
    if match is None:
        return None
    fields = match.groupdict()
    day, month = fields.get("day") or "1", fields.get("month") or MONTH_OF[fields["name"].lower()]
    if match.re is PATTERNS[1] and fields["mark"] != ".":  # 31.01.2024 is read in one way everywhere
        if date_format == "date":
            return None
        if date_format == "month_first":
            day, month = month, day
    try:
        days = date(int(fields["year"]), int(month), int(day)).toordinal() - EPOCH
    except ValueError:  # there is no such day
        return None
    moment = _time(match) if fields["hour"] else 0
    return None if moment is None else days * DAY + moment


def _time(match: re.Match[str]) -> int | None:
    """Return time or duration of a match in microseconds, in UTC; None if there is no such time."""
    hour, minute, second = (int(match[name] or 0) for name in ("hour", "minute", "second"))
    if match["half"]:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + 12 * (match["half"].lower() == "p")
    is_duration = match.re is TIME_ALONE and not match["half"] and not match["zone"]
    days = int(match["days"] or 0) if is_duration else 0
    if (hour > 23 and not is_duration) or minute > 59 or second > 59:
        return None
    zone = match["zone"] or "Z"
    offset = 0
    if zone[0] in "+-":
        offset = int(zone[1:3]) * HOUR + int(zone[3:].lstrip(":") or 0) * MINUTE
        offset = -offset if zone[0] == "-" else offset
    fraction = int((match["fraction"] or "").ljust(6, "0")[:6])
    return days * DAY + hour * HOUR + minute * MINUTE + second * 10**6 + fraction - offset


def format_date(days: float, date_format: DateFormat) -> str:
    """Format days since 1970 as a text that `parse_dates` reads, to the second."""
    moment = datetime(1970, 1, 1) + timedelta(seconds=round(days * DAY / 10**6))
    pattern = {"date": "%Y-%m-%d", "day_first": "%d/%m/%Y", "month_first": "%m/%d/%Y"}.get(date_format, "")
    has_time = date_format == "time" or moment.time() != time.min
    return moment.strftime(f"{pattern} %H:%M:%S" if has_time else pattern).strip()


def infer_date_format(texts: Sequence[str]) -> DateFormat | Literal["ambiguous"] | None:
    """Return the format of texts that all are dates or all are times; None if there is none.

    Texts that stand for no date are left out.
    """
    texts = [text for text in texts if not NO_DATE.fullmatch(text)]

    def can_be(date_format: DateFormat) -> bool:
        few = (parse_moment(text, date_format) for text in texts[:SAMPLE])
        return None not in few and not np.isnan(parse_dates(texts, date_format)).any()

    if not texts:
        return None
    for unambiguous in ("date", "time"):
        if can_be(unambiguous):
            return unambiguous
    possible = [order for order in ORDERS if can_be(order)]
    if len(possible) == 2 and not np.array_equal(
        parse_dates(texts, ORDERS[0]), parse_dates(texts, ORDERS[1])
    ):
        return "ambiguous"
    return possible[0] if possible else None


def is_date(text: str) -> bool:
    """Check whether a text is a date or a time in any format, or stands for none."""
    formats: tuple[DateFormat, ...] = (*ORDERS, "time")
    return NO_DATE.fullmatch(text) is not None or any(parse_moment(text, one) is not None for one in formats)


def has_short_year(text: str) -> bool:
    """Check whether a text is a date whose year has two digits."""
    match = SHORT_YEAR.fullmatch(text)
    return match is not None and is_date(f"{match[1]}20{match[2]}")


def has_zone(text: str) -> bool:
    """Check whether a date or time states its time zone."""
    return ZONE_AT_END.search(text) is not None


def calendar_categories(days: Floats, feature: str) -> NDArray[np.int32]:
    """Return the index of each date's weekday, month or hour (N,), -1 of a missing date."""
    missing = np.isnan(days)
    microseconds = np.rint(np.where(missing, 0, days) * DAY).astype(np.int64)
    day, rest = np.divmod(microseconds, DAY)
    if feature == "weekday":
        index = (day + 3) % 7
    elif feature == "month":
        index = day.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64) % 12
    else:
        index = rest // HOUR
    return np.where(missing, -1, index).astype(np.int32)
