"""How a stage says how far it is: one method, silent here. What draws it is curate/terminal/screen.py."""


class Progress:
    """Where a stage says how far it is within the shard, the plan or the job that it works on.

    This one is silent; the runner passes one that draws and records. A copy that is sent to another process is silent
    again, as many workers would talk at once.
    """

    def update(self, done: float, total: float, note: str = "") -> None:
        """Report `done` of `total` units; the note names them and adds what is worth knowing.

        Such as `update(37, 160, "requests, 812 tokens/s")`. A total of 0 says that it is not known. It may be called
        as often as units are done: what draws it holds back.
        """

    def __reduce__(self) -> "tuple[type[Progress], tuple[()]]":
        """Leave the screen here when this is sent elsewhere."""
        return Progress, ()
