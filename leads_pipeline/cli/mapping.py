"""`leads map` and `leads benchmark`: the shipped model on files, here and now."""

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from leads_pipeline.cli.common import AsJson, existing, progress
from leads_pipeline.errors import FileRejected, NotFound, RequestInvalid
from leads_pipeline.wording import counted

commands = typer.Typer()


@commands.command("map")
def map_files(
    files: Annotated[list[Path], typer.Argument(help="Spreadsheets: .xlsx .xlsm .xls .xlsb .ods .csv .tsv")],
    *,
    as_json: AsJson = False,
    why: Annotated[bool, typer.Option("--why", help="Say what decided about each column, too.")] = False,
) -> None:
    """Map files here and now. Needs no server and no database; uses the shipped model alone."""
    from leads_pipeline.mapping import default_schema, load_model, map_sheet
    from leads_pipeline.spreadsheets import read

    results: list[dict[str, Any]] = []
    for path in files:
        try:
            workbook = read(existing(path), path.name)
        except (FileRejected, NotFound) as error:
            results.append({"file": str(path), "error": {"code": error.code, "detail": error.detail}})
            continue
        sheets = [(sheet, map_sheet(sheet, default_schema(), load_model())) for sheet in workbook.sheets]
        results.append(
            {
                "file": str(path),
                "sheets": [
                    {
                        "name": sheet.name,
                        "header_row": sheet.header_row,
                        "rows": sheet.rows,
                        "columns": [
                            {
                                "index": mapping.index,
                                "header": mapping.header,
                                "target": mapping.target,
                                "confidence": mapping.confidence,
                                "method": mapping.method.value,
                                "alternatives": [
                                    {"target": other.target, "confidence": other.confidence}
                                    for other in mapping.alternatives
                                ],
                                "explanation": mapping.explanation,
                                "transform": mapping.transform,
                                "sample_shapes": list(sheet.columns[mapping.index].profile.shapes),
                            }
                            for mapping in mappings
                        ],
                        "warnings": [notice.detail for notice in sheet.notices],
                    }
                    for sheet, mappings in sheets
                ],
                "warnings": [notice.detail for notice in workbook.notices],
            }
        )
    if as_json:
        print(json.dumps({"files": results}, ensure_ascii=False))
    else:
        _print_mapped(results, why=why)
    if any("error" in result for result in results):
        raise typer.Exit(2)


@commands.command()
def benchmark(
    corpus: Annotated[Path, typer.Argument(help="A corpus of labelled header rows, one JSON object a line.")],
    *,
    as_json: AsJson = False,
    predictions: Annotated[bool, typer.Option(help="With --json: every prediction too, in corpus order.")] = False,
    cross_validate: Annotated[
        str | None, typer.Option(metavar="family", help="Train anew for each part, with whole families held out.")
    ] = None,
) -> None:
    """Measure the mapping on labelled header rows.

    The shipped model is measured, or with --cross-validate its training recipe.
    """
    from leads_pipeline.training.benchmark import benchmark as run

    if cross_validate not in (None, "family"):
        raise RequestInvalid("--cross-validate takes `family`: single files of one system are too alike to hold out.")
    with progress() as step:
        result = run(
            existing(corpus), cross_validate=cross_validate is not None, predictions=predictions, progress=step
        )
    if as_json:
        print(json.dumps(result, ensure_ascii=False))
    else:
        _print_benchmark(result)


def _print_mapped(results: list[dict[str, Any]], *, why: bool) -> None:
    from rich import box
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from leads_pipeline.mapping.transforms import transform_line

    console = Console()
    for result in results:
        if "error" in result:
            print(f"leads: {result['file']}: {result['error']['detail']}", file=sys.stderr)
            continue
        for sheet in result["sheets"]:
            where = f"header in row {sheet['header_row']}" if sheet["header_row"] else "no header"
            console.print(
                f"[bold]{escape(result['file'])}[/] · {escape(sheet['name'])} · {where}, {counted(sheet['rows'], 'row')}"
            )
            table = Table(box=box.SIMPLE_HEAD, pad_edge=False, expand=console.width < 110)
            table.add_column("column", overflow="fold", ratio=3)
            table.add_column("looks like", overflow="ellipsis", no_wrap=True, ratio=2)
            table.add_column("lead field", no_wrap=True)
            table.add_column("confidence", justify="right")
            for column in sheet["columns"]:
                shape = next(iter(column["sample_shapes"]), "")
                name = column["target"] or "none"
                style = None if column["target"] else "dim"
                table.add_row(escape(column["header"]), escape(shape), name, f"{column['confidence']:.1f}", style=style)
            console.print(table)
            if why:
                for column in sheet["columns"]:
                    name = column["target"] or "none"
                    console.print(f"  [bold]{escape(column['header'])}[/] → {name}: {escape(column['explanation'])}")
                    if column["transform"]:
                        console.print(f"    {escape(transform_line(column['transform']))}")
            for warning in [*result["warnings"], *sheet["warnings"]]:
                console.print(f"  [yellow]![/] {escape(warning)}")
            console.print()


def _or_none(share: float | None) -> str:
    return "none " if share is None else f"{share:.3f}"


def _print_benchmark(result: dict[str, Any]) -> None:
    for warning in result.get("warnings", []):
        print(f"! {warning}", file=sys.stderr)
    accuracy = result["accuracy_by_family"]
    print(
        f"accuracy, mean over families   {_or_none(accuracy['all'])}   English {_or_none(accuracy['en'])}   "
        f"other {_or_none(accuracy['other'])}"
    )
    print(
        f"mapped precision, recall       {_or_none(result['mapped_precision'])}   {_or_none(result['mapped_recall'])}"
    )
    print(f"columns without target mapped  {result['empty_mapped']} of {result['empty_total']}")
    for each in result["risk_coverage"]:
        print(
            f"at {each['threshold']:g} % and above            coverage {_or_none(each['coverage'])}   "
            f"precision {_or_none(each['precision'])}"
        )
    print(f"expected calibration error     {result['ece']:.3f}")
    print(f"seconds a file                 {result['seconds_per_file']:.4f}")
