"""`nnexp tag`: set tags of a run, or of all runs of a sweep."""

from nnexp.cli.arguments import RUN, Arguments
from nnexp.errors import UserError
from nnexp.messages import plural
from nnexp.runs.housekeeping.records import find_records
from nnexp.runs.housekeeping.tags import change_tags, check_removals, parse_tags
from nnexp.runs.query import Runs


def main(arguments: list[str]) -> int:
    """Set the tags; returns the exit code."""
    epilog = "`nnexp runs --columns name,paper --filter 'tags.paper = \"figure 3\"'` lists runs by a tag."
    parser = Arguments("tag", "Set tags of a run, or of all runs of a sweep.", epilog=epilog)
    parser.add_argument("run", metavar="RUN", help=f"{RUN}; or a sweep: its folder, id or name")
    tags_help = "a tag and its value; ~key removes one"
    parser.add_argument("tags", nargs="*", metavar="key=value", help=tags_help)
    parser.add_store()
    options = parser.parse_intermixed_args(arguments)
    if not options.tags:
        raise UserError(f"no tag to set; write e.g. nnexp tag {options.run} paper=figure3")
    changes = parse_tags(options.tags)
    runs = Runs(options.uri, options.experiment)
    selection = find_records([options.run], [], "", runs)
    records = [*selection.records, *selection.parents]
    check_removals(records, changes)
    stores = {runs.uri: runs}
    for record in records:
        change_tags(record, changes, stores)
    what = records[0].label if len(records) == 1 else plural(len(records), "run")
    texts = (f"removed {key}" if value is None else f"{key}={value}" for key, value in changes.items())
    print(f"{what}: {', '.join(texts)}")
    return 0
