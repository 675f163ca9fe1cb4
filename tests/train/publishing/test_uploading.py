import socket
import time

import pytest
from huggingface_hub import CommitOperationAdd, HfApi, constants

from cli.errors import UsageError, UserError
from tests.train.publishing.conftest import NET, held
from train.publishing.asking import TIMEOUT
from train.publishing.files import File
from train.publishing.upload import Target, plan_for, upload

WEIGHTS, CARD = b"\1" * 300_000, b"---\nlicense: mit\n---\n# Net\n"
CONTENT = {"README.md": CARD, "config.json": b"{}", "model.safetensors": WEIGHTS}
TARGET = Target(repo_id=NET)


def files(**changed: bytes) -> dict[str, File]:
    return {path: File(content) for path, content in (CONTENT | changed).items()}


def put(target: Target = TARGET, content: dict[str, File] | None = None, **settings):
    return upload(content or files(), target, "Publish net", **settings)


def commits(hub) -> int:
    """Beside the first, which every repository has."""
    return len(hub.repos[NET].commits) - 1


def test_all_files_come_in_one_commit(hub):
    done = put()
    assert held(hub) == CONTENT and commits(hub) == 1 and done.plan.new == list(CONTENT)
    assert done.commit == hub.repos[NET].at().sha and done.url == f"{hub.endpoint}/{NET}"
    assert not hub.repos[NET].private


def test_what_is_there_is_not_sent_again(hub):
    first = put()
    hub.requests.clear()
    again = put()
    assert again.commit == first.commit and again.plan.unchanged == list(CONTENT) and commits(hub) == 1
    assert {asked.method for asked in hub.requests} == {"GET"}


def test_only_what_changed_is_sent(hub):
    put()
    hub.requests.clear()
    done = put(content=files(**{"config.json": b"{ }"}))
    assert done.plan.new == ["config.json"] and not hub.asked("PUT") and not hub.asked("objects/batch")
    assert held(hub) == CONTENT | {"config.json": b"{ }"} and commits(hub) == 2


def test_what_is_ours_and_gone_is_deleted_and_what_is_not_ours_stays(hub):
    put(content=files(**{"evaluation/old.json": b"1", "LICENSE": b"2"}))
    done = put(is_ours=lambda path: path.startswith("evaluation/"))
    assert done.plan.stale == ["evaluation/old.json"] and held(hub) == CONTENT | {"LICENSE": b"2"}
    assert put(is_ours=lambda path: path.startswith("evaluation/")).commit == done.commit


def test_a_private_repository_is_made_and_stays_so(hub):
    target = Target(repo_id=NET, private=True)
    put(target)
    put(target)
    assert hub.repos[NET].private and commits(hub) == 1


def test_private_is_refused_for_what_is_public(hub):
    put()
    with pytest.raises(UserError, match=f"^--private, but {NET} is there, and public"):
        put(Target(repo_id=NET, private=True), files(**{"config.json": b"[]"}))
    assert held(hub) == CONTENT


def test_a_branch_is_made_where_it_is_missing(hub):
    target = Target(repo_id=NET, revision="v1/draft")
    done = put(target)
    assert held(hub, revision="v1/draft") == CONTENT and held(hub) == {}
    assert put(target).commit == done.commit and len(hub.asked("POST .*/branch/")) == 1


def test_a_space_is_made_with_its_sdk(hub):
    card = b"---\ntitle: a\nsdk: gradio\n---\n"
    done = upload({"README.md": File(card)}, Target(repo_id="ada/demo", kind="space"), "Publish demo")
    assert held(hub, "spaces/ada/demo") == {"README.md": card} and done.url.endswith("/spaces/ada/demo")


@pytest.mark.parametrize(
    "name", ["net", "a/b/c", "ada/ne t", "ada/", "/net", "ada/-net", "https://x.org/ada/net", "ada/net\n"]
)
def test_a_name_that_cannot_be_is_one_line(name):
    with pytest.raises(UsageError, match="^--repo_id is .*: it must be USER/NAME"):
        Target(repo_id=name)


@pytest.mark.parametrize("name", ["a" * 40, "refs/pr/1", "a..b", "/a", "a b", "a.lock", "a/", "a.lock/b", "a/.b"])
def test_a_branch_that_cannot_be_is_one_line(name):
    with pytest.raises(UsageError, match="^--revision"):
        Target(repo_id=NET, revision=name)


# Failures: (what is asked of the Hub, how it fails, what is said)

NO_TOKEN = "does not accept the token: log in with `hf auth login`, or set HF_TOKEN"
NO_RIGHT = "may not write to ada/net .*take one with the right to write for ada"
BUSY = "asks to wait before more is sent to ada/net: the same command again"
DOWN = r"fails \(HTTP 50\d\) at ada/net: try later; the same command again"
BROKEN = "the connection to the Hub broke .* at ada/net: the same command again"
MEANWHILE = "somebody else changed ada/net meanwhile: run the same command again"
SENT = ("validate-yaml", "/preupload/", "objects/batch", "PUT /storage", "lfs/verify", "/commit/")
ASKED = ("GET /api/models", "POST /api/repos/create", *SENT)


@pytest.mark.parametrize("pattern", ASKED)
@pytest.mark.parametrize(("status", "said"), [(401, NO_TOKEN), (403, NO_RIGHT)])
def test_a_refusal_is_one_line_at_once_and_leaves_nothing(hub, waits, pattern, status, said):
    hub.fail(pattern, status)
    if pattern == "validate-yaml":
        # Its refusals are read as those of the metadata.
        said = "ada/net could not be published|" + said
    with pytest.raises(UserError, match=said) as error:
        put()
    assert "\n" not in str(error.value) and waits == [] and held(hub) == {}
    put()
    assert held(hub) == CONTENT and commits(hub) == 1


@pytest.mark.parametrize("pattern", ASKED)
@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_passing_failure_is_passed_over(hub, waits, pattern, status):
    hub.fail(pattern, status, times=2, headers={"Retry-After": "7"} if status == 429 else None)
    put()
    assert held(hub) == CONTENT and commits(hub) == 1 and len(waits) == 2
    if status == 429:
        # The client adds a second to those that it waits itself.
        assert set(waits) <= {7, 8}


@pytest.mark.parametrize("pattern", ASKED)
@pytest.mark.parametrize(("status", "said"), [(429, BUSY), (503, DOWN)])
def test_a_failure_that_does_not_pass_is_one_line_after_few_attempts(hub, waits, pattern, status, said):
    hub.fail(pattern, status, times=99)
    with pytest.raises(UserError, match=f"{said}|{BROKEN}") as error:
        put()
    assert "\n" not in str(error.value) and len(waits) <= 5 and sum(waits) < 60 and held(hub) == {}


@pytest.mark.parametrize("pattern", [pattern for pattern in ASKED if pattern != "/commit/"])
def test_a_cut_connection_is_taken_up_again(hub, waits, pattern):
    hub.cut(pattern, times=2)
    put()
    assert held(hub) == CONTENT and commits(hub) == 1 and len(waits) == 2


@pytest.mark.parametrize("pattern", ASKED)
def test_a_connection_that_is_always_cut_is_one_line_and_leaves_nothing(hub, waits, pattern):
    hub.cut(pattern, times=99)
    with pytest.raises(UserError, match=BROKEN) as error:
        put()
    assert "\n" not in str(error.value) and len(waits) <= 5 and held(hub) == {}


@pytest.mark.parametrize("after", [False, True])
def test_a_commit_that_is_cut_is_made_once(hub, waits, after):
    hub.cut("/commit/", after=after)
    done = put()
    assert held(hub) == CONTENT and commits(hub) == 1 and done.commit == hub.repos[NET].at().sha
    assert done.plan.new == list(CONTENT) and waits == [1]


def test_a_commit_that_took_too_long_is_not_made_twice(hub, waits, monkeypatch):
    monkeypatch.setattr("train.publishing.asking.TIMEOUT", 0.25)
    hub.slow("/commit/", 0.6)
    # The second look comes before the slow commit is made, the third one after it.
    monkeypatch.setattr("train.publishing.asking.time.sleep", lambda seconds: time.sleep(0.1))
    put()
    for _ in range(200):
        if held(hub) == CONTENT:
            break
        time.sleep(0.01)
    assert held(hub) == CONTENT and commits(hub) == 1


def test_a_commit_of_somebody_else_in_between_is_one_line(hub, waits):
    put()
    api = HfApi()
    theirs = [CommitOperationAdd("README.md", b"# Theirs\n")]
    original, calls = HfApi.preupload_lfs_files, []

    def and_meanwhile(self, *args, **kwargs):
        original(self, *args, **kwargs)
        if not calls:
            calls.append(1)
            api.create_commit(NET, theirs, commit_message="Theirs")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(HfApi, "preupload_lfs_files", and_meanwhile)
        with pytest.raises(UserError, match=MEANWHILE):
            put(content=files(**{"config.json": b"[]"}))
    assert held(hub) == CONTENT | {"README.md": b"# Theirs\n"}


@pytest.mark.parametrize("status", [409, 412])
def test_a_conflict_that_stays_is_one_line(hub, waits, status):
    hub.fail("/commit/", status, times=99)
    with pytest.raises(UserError, match=MEANWHILE):
        put()
    assert held(hub) == {}


@pytest.mark.parametrize("pattern", ["GET /api/models", "/preupload/", "PUT /storage", "/commit/"])
@pytest.mark.parametrize("headers", [{"Retry-After": "3600"}, {"RateLimit": '"api";r=0;t=3600'}])
def test_a_wait_of_an_hour_is_not_waited_for(hub, waits, pattern, headers):
    hub.fail(pattern, 429, headers=headers)
    with pytest.raises(UserError, match=BUSY):
        put()
    assert waits == [] and held(hub) == {}


def test_metadata_that_the_hub_refuses_is_one_line(hub):
    with pytest.raises(UserError, match="could not be published: .*must be an object"):
        put(content=files(**{"README.md": b"---\n- a\n---\n"}))
    assert held(hub) == {}


def test_nobody_logged_in_is_one_line_before_anything_is_asked(hub, monkeypatch, tmp_path):
    monkeypatch.delenv("HF_TOKEN")
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "none"))
    with pytest.raises(UserError, match="^nobody is logged in to the Hub: log in with"):
        put()
    assert hub.requests == []


def test_an_expired_token_is_one_line(hub, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_expiredLongAgoExpired")
    with pytest.raises(UserError, match=NO_TOKEN) as error:
        put()
    assert "hf_expired" not in str(error.value)


def test_the_name_of_somebody_else_is_one_line(hub):
    with pytest.raises(UserError, match="may not write to grace/net"):
        put(Target(repo_id="grace/net"))
    assert hub.repos == {}


def test_no_network_is_one_line_quickly(hub, monkeypatch, waits):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        nobody = f"http://ada:geheim@127.0.0.1:{unused.getsockname()[1]}"
    monkeypatch.setattr(constants, "ENDPOINT", nobody)
    start = time.perf_counter()
    with pytest.raises(UserError, match="cannot be reached: check the network") as error:
        put()
    assert time.perf_counter() - start < 2 and waits == [] and "geheim" not in str(error.value)


def test_a_hub_that_is_switched_off_is_one_line(hub, monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(UserError, match="HF_HUB_OFFLINE"):
        put()


def test_the_client_waits_two_minutes_and_keeps_its_hooks(hub):
    from huggingface_hub.utils import get_session

    put()
    assert get_session().timeout == TIMEOUT and get_session().event_hooks["request"]


def test_a_plan_tells_what_is_new_and_asks_once(hub):
    assert plan_for(files(), TARGET).new == list(CONTENT)
    put()
    hub.requests.clear()
    plan = plan_for(files(**{"config.json": b"[]"}), TARGET)
    assert (plan.new, plan.unchanged) == (["config.json"], ["README.md", "model.safetensors"])
    assert [asked.method for asked in hub.requests] == ["GET"]
    hub.fail("GET", 503)
    assert plan_for(files(), TARGET) is None


def test_no_word_of_the_client_gets_through(hub, waits, capfd, caplog):
    hub.fail("/preupload/", 503)
    put()
    assert capfd.readouterr() == ("", "") and not caplog.records
