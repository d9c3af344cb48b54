"""The commands that look at what is there: trials, export, report, predict, studies, knobs."""

import json
import os
from pathlib import Path
from typing import Any

import click

OUT = click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("."),
    show_default="this folder",
    help="Folder that holds studies/ and reports/.",
)


@click.command()
@click.argument("study")
@click.option("--csv", "form", flag_value="csv", help="As CSV, every knob.")
@click.option("--json", "form", flag_value="json", help="As JSON, every knob.")
@OUT
def trials(study: str, form: str | None, out: Path) -> None:
    """Print the ranked trials of STUDY.

    \b
    Example:
      lenet-tune trials grid-section1
      lenet-tune trials bayes --csv > bayes.csv
    """
    from lenet_tune import analysis
    from lenet_tune.views import print_trials

    snapshot = read_snapshot(study, out)
    if form is None:
        click.echo(f"{snapshot.definition.title} ({analysis.state(snapshot)})")
        if snapshot.definition.notice:
            click.echo(f"NOTE: {snapshot.definition.notice}")
        print_trials(snapshot)
    elif form == "json":
        click.echo(json.dumps(analysis.ranked_table(snapshot).records(), indent=1, ensure_ascii=False))
    else:
        from lenet_tune.report.exports import trials_csv

        click.echo(trials_csv(snapshot), nl=False)


@click.command()
@click.argument("study")
@click.option(
    "--to", type=click.Path(path_type=Path, file_okay=False), help="Folder.  [default: OUT/exports/STUDY]"
)
@click.option(
    "--tensorboard", is_flag=True, help="Also as event files of TensorBoard: a run a seed, with its knobs."
)
@OUT
def export(study: str, to: Path | None, tensorboard: bool, out: Path) -> None:
    """Write STUDY as trials.csv, epochs.csv, trials.json, best.keras, and its plots as PNG and SVG.

    Of a damaged study file, the tables and plots of what can be read.

    \b
    Example:
      lenet-tune export grid-section1 --to section1
      lenet-tune export bayes --tensorboard && tensorboard --logdir exports/bayes/tensorboard
    """
    from lenet_tune import tensorboard as events
    from lenet_tune.errors import DamagedStudyError
    from lenet_tune.report import export_plots, export_tables
    from lenet_tune.salvage import readable

    if tensorboard:
        events.check_there()
    damage = None
    try:
        snapshot = read_snapshot(study, out)
    except DamagedStudyError as error:
        damage, snapshot = error, readable(find_study(study, out))
    folder = to or out / "exports" / snapshot.definition.name
    paths = [*export_tables(snapshot, folder), *export_plots(snapshot, folder)]
    if tensorboard:
        paths.append(events.write_events(snapshot, folder / "tensorboard"))
    if damage is None:
        paths += _export_model(study, out, folder)
    else:
        click.echo(f"{damage.reason}: {snapshot.definition.notice}", err=True)
    for path in paths:
        click.echo(path)


def _export_model(study: str, out: Path, folder: Path) -> list[Path]:
    """best.keras, and beside it best.json with the setting and the class names that `predict` shows."""
    from lenet_tune import devices
    from lenet_tune.study import Study

    devices.prepare(None, "auto")
    from lenet_tune.exporting import export_best

    with Study.read(find_study(study, out)) as opened:
        return export_best(opened, folder)


@click.command()
@click.argument("study", required=False)
@OUT
def report(study: str | None, out: Path) -> None:
    """Write the page of STUDY again, and the index, and print its path; without STUDY all pages.

    STUDY may also be the JSON that `export` or `selfcheck` wrote, or a folder of results of `reproduce`.

    \b
    Example:
      lenet-tune report grid-section1
      lenet-tune report reports/reproduction
      lenet-tune report reports/selfcheck.json
    """
    from lenet_tune import pages

    if study is None:
        for path in pages.write_all(out):
            click.echo(path)
        return
    # `os.path.isdir` takes any text; a path object minds names that are too long.
    if os.path.isdir(study) and any(Path(study).glob("*.json")):
        from lenet_tune.reproduce.sitting import write_pages_of

        for path in write_pages_of(Path(study), out):
            click.echo(path)
        return
    if Path(study).name == "selfcheck.json":
        from lenet_tune.report.selfcheck_page import write_selfcheck
        from lenet_tune.selfcheck.stored import read_results

        click.echo(write_selfcheck(read_results(Path(study)), out / "reports" / "selfcheck.html"))
        return
    click.echo(pages.write_study(read_snapshot(study, out), out))


@click.command()
@click.argument("model", type=click.Path(path_type=Path, dir_okay=False))
@click.argument("images", nargs=-1, required=True, type=click.Path(path_type=Path, dir_okay=False))
def predict(model: Path, images: tuple[Path, ...]) -> None:
    """Say what MODEL (a best.keras of `export`) sees in each of IMAGES.

    \b
    Example:
      lenet-tune predict exports/grid-section1/best.keras cat.png
    """
    from lenet_tune import devices

    devices.prepare(None, "auto")
    from lenet_tune.exporting import predictions

    for path, name, output in predictions(model, images):
        # The names come with the model: a terminal must not obey them.
        safe = "".join(c if c.isprintable() else "?" for c in name)
        click.echo(f"{path}\t{safe}\t{output:.4f}")


@click.command()
@click.argument("study")
@OUT
def study(study: str, out: Path) -> None:
    """Show the state of STUDY, what it takes on disk, and the command to go on with it.

    \b
    Example:
      lenet-tune study bayes
    """
    from lenet_tune import overview

    path = find_study(study, out)
    snapshot = read_snapshot(study, out)
    for name, text in overview.facts(snapshot, path, overview.disk_use(path)):
        click.echo(f"{name:<8} {text}")


@click.command()
@OUT
def studies(out: Path) -> None:
    """List the studies under OUT: state, best score, title.

    \b
    Example:
      lenet-tune studies
    """
    from lenet_tune import analysis
    from lenet_tune.errors import StudyError
    from lenet_tune.studyfile import FILE_NAME

    for path in sorted(out.glob(f"studies/*/{FILE_NAME}")):
        try:
            snapshot = read_snapshot(str(path), out)
        except StudyError as error:
            click.echo(f"{path.parent.name}\t{error}")
            continue
        best = "-" if snapshot.best is None else f"{snapshot.best.score:.4f}"
        click.echo(f"{path.parent.name}\t{analysis.state(snapshot)}\t{best}\t{snapshot.definition.title}")


@click.command()
def knobs() -> None:
    """List every knob: what a search tries, its default, what it is.

    \b
    Example:
      lenet-tune knobs
    """
    from lenet_tune.knobs import KNOBS, show

    for knob in KNOBS:
        click.echo(f"{knob.name}  (default {show(knob.default)})\n    {knob.help}\n    tried: {knob.domain}")
        for parent, values in knob.active_if:
            click.echo(f"    counts where {parent} is {', '.join(map(show, values))}")


@click.command()
@click.option("--section", type=click.IntRange(1, 3), default=1, show_default=True, help="Network to train.")
@click.option(
    "--images", type=click.IntRange(min=64), default=6400, show_default=True, help="Images an epoch."
)
@click.option(
    "--epochs", type=click.IntRange(min=2), default=3, show_default=True, help="The first is warm-up."
)
@click.option("--rounds", type=click.IntRange(min=1), default=3, show_default=True, help="Median of these.")
@click.option("--sizes", help="Group sizes of the fused engine, such as 1,12,48.  [default: by device]")
@click.option(
    "--device",
    type=click.Choice(["cpu", "gpu"]),
    default="cpu",
    show_default=True,
    help="Device to train on.",
)
@click.option(
    "--backend",
    type=click.Choice(["tensorflow", "jax"]),
    help="Keras backend.  [default: $KERAS_BACKEND, or tensorflow]",
)
@click.option(
    "--workers",
    type=click.IntRange(min=1, max=1024),
    help="Measure instead how many trials a search can feed to so many workers, with an engine that waits.",
)
@click.option(
    "--trials",
    type=click.IntRange(min=1),
    default=10_000,
    show_default=True,
    help="Trials that take no time, with --workers.",
)
@OUT
def bench(workers: int | None, trials: int, out: Path, **task: Any) -> None:
    """Measure stock Keras Tuner, the reference engine and the fused engine side by side.

    PyTorch's plain loop joins when torch is installed. The figures are stored in OUT/reports/.

    \b
    Example:
      lenet-tune bench --section 1
      lenet-tune bench --device gpu --backend jax --images 50000
      lenet-tune bench --workers 4
    """
    if workers is None:
        _bench_engines(out, **task)
        return
    from lenet_tune import bench_workers
    from lenet_tune.progress import say

    say("  ".join(bench_workers.COLUMNS))
    click.echo(bench_workers.store(bench_workers.run(workers, trials, say), out / "reports"))


def _bench_engines(out: Path, rounds: int, sizes: str | None, backend: str | None, **task: Any) -> None:
    from lenet_tune import bench as benchmark
    from lenet_tune.parse import parse_sizes
    from lenet_tune.progress import say
    from lenet_tune.views import print_bench

    backend = backend or os.environ.get("KERAS_BACKEND") or "tensorflow"
    names = benchmark.contenders(task["device"], parse_sizes(sizes) if sizes else ())
    results = benchmark.run(benchmark.Task(backend=backend, **task), names, rounds, say)
    print_bench(results)
    click.echo(benchmark.store(results, out / "reports"))


def read_snapshot(study: str, out: Path) -> Any:
    """The study that a name, a folder, a path or the JSON of an export stands for, as a snapshot."""
    from lenet_tune.study import Study
    from lenet_tune.studyexport import read_export
    from lenet_tune.studymeta import check_name

    if Path(study).suffix == ".json":
        snapshot = read_export(Path(study))
        check_name(snapshot.definition)
        return snapshot
    with Study.read(find_study(study, out)) as opened:
        return opened.snapshot()


def find_study(name: str, out: Path) -> Path:
    """The study file that a name, a folder or a path stands for; it need not exist."""
    from lenet_tune import studyfile

    return studyfile.find_study(name, out)


COMMANDS = (trials, export, report, predict, study, studies, knobs, bench)
