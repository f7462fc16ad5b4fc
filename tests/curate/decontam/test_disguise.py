"""What documents hide is read by the same compiled loops as they are."""

from numba import typeof

from curate.decontam.disguise import hidden
from curate.files.shards import documents
from curate.text.buffers import text_buffers


def test_no_loop_is_compiled_a_second_time_for_what_documents_hide() -> None:
    text = "code = '''\ndef f(x):\n    return x\n'''\n"
    shard = documents([{"id": "a", "text": text, "source": "test"}])
    data, offsets = text_buffers(shard.column("text"))
    found = hidden(data, offsets, escaped=False)
    assert b"def f(x):" in found.data.tobytes()
    assert [typeof(each) for each in (found.data, found.offsets)] == [typeof(each) for each in (data, offsets)]
