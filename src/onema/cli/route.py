from typing import Annotated

import typer

from onema.cli.command import Cli, Commands

app = Commands(
    help="Which carrier takes what: the longest prefix first, then the lowest priority, then shares by weight."
)

Channel = Annotated[str, typer.Argument(help="sms or call.")]
Carrier = Annotated[str, typer.Argument(help="The carrier's name.")]
Weight = Annotated[
    int | None,
    typer.Option(
        help="Its share among routes of the same prefix and priority, in parts of the sum of their weights; 0: only "
        "after the others. 1 where nothing was said.",
        show_default=False,
    ),
]
ResendAfter = Annotated[
    int | None,
    typer.Option(
        help="A code that went this way and of which nothing was heard for so many seconds goes out again by the next "
        "carrier, if its account pays for that (`wallet terms --resends`); 0: never.",
        show_default=False,
    ),
]
ResendWithout = Annotated[
    str | None,
    typer.Option(
        help="What must be heard: a receipt, or a right check of the code.", metavar="receipt|check"
    ),
]
ByResult = Annotated[
    bool | None,
    typer.Option(
        "--by-result/--by-weight",
        help="By what its carrier made of codes lately, where all routes of its prefix and priority say so, or by "
        "weight.",
        show_default=False,
    ),
]
Cost = Annotated[
    int | None,
    typer.Option(
        "--cost",
        metavar="N",
        help="By result: what a message costs this way, in thousandths of what a verified code is worth.",
        show_default=False,
    ),
]
Prefix = Annotated[str, typer.Option(help="Numbers that begin so, such as +84; + for all.")]


@app.command("add")
def add(
    cli: Cli,
    channel: Channel,
    carrier: Carrier,
    prefix: Prefix = "+",
    priority: Annotated[int, typer.Option(help="Lower is tried first.")] = 0,
    weight: Weight = None,
    resend_after: ResendAfter = None,
    resend_without: ResendWithout = None,
    by_result: ByResult = None,
    cost: Cost = None,
) -> None:
    """Send a channel's messages for a prefix to a carrier."""
    from onema.cli.changes import create, given, made
    from onema.domain.configuration import documents as doc

    fields = given(
        priority=priority,
        weight=weight,
        resend_after=resend_after,
        resend_without=resend_without,
        by_result=by_result,
        cost_per_mille=cost,
    )
    create(cli, made(doc.Route, channel=channel, carrier=carrier, prefix=prefix, **fields))


@app.command("set")
def change(
    cli: Cli,
    channel: Channel,
    carrier: Carrier,
    prefix: Prefix = "+",
    priority: Annotated[int | None, typer.Option(help="Lower is tried first.", show_default=False)] = None,
    weight: Weight = None,
    resend_after: ResendAfter = None,
    resend_without: ResendWithout = None,
    by_result: ByResult = None,
    cost: Cost = None,
) -> None:
    """Change a route's priority, its weight, or what is done when nothing is heard of a code."""
    from onema.cli.changes import edit
    from onema.domain.configuration import documents as doc

    edit(
        cli,
        doc.Route,
        f"{channel}/{prefix}/{carrier}",
        priority=priority,
        weight=weight,
        resend_after=resend_after,
        resend_without=resend_without,
        by_result=by_result,
        cost_per_mille=cost,
    )


@app.command("remove")
def remove(cli: Cli, channel: Channel, carrier: Carrier, prefix: Prefix = "+") -> None:
    """Remove a route."""
    from onema.cli import changes
    from onema.domain.configuration import documents as doc

    changes.remove(cli, doc.Route, f"{channel}/{prefix}/{carrier}")


@app.command("list")
def show_all(cli: Cli) -> None:
    """List routes in the order in which they are tried."""
    from onema.cli.changes import print_documents
    from onema.domain.configuration import documents as doc

    with cli.session() as session:
        found = session.of_kind(doc.Route)
    found.sort(
        key=lambda route: (route.channel, -len(route.prefix), route.priority, -route.weight, route.carrier)
    )
    print_documents(
        cli,
        found,
        (
            *("channel", "prefix", "priority", "weight", "carrier", "resend_after", "resend_without"),
            *("by_result", "cost_per_mille"),
        ),
    )
