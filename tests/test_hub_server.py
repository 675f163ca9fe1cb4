"""The test Hub under the real client, and what that client does by itself when the Hub fails."""

import json
import os
import subprocess
import sys
import threading
import time
from types import SimpleNamespace

import httpx2
import pytest
import torch
from huggingface_hub import (
    CommitOperationAdd,
    CommitOperationDelete,
    HfApi,
    ModelCard,
    hf_hub_download,
    set_client_factory,
    snapshot_download,
)
from huggingface_hub.errors import (
    HfHubHTTPError,
    LocalEntryNotFoundError,
    RemoteEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.utils import _http
from huggingface_hub.utils._http import default_client_factory
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from tests.hub.server import HubServer

NET = "ada/net"
CARD = b"---\nlicense: mit\n---\n# Net\n"
# Smaller than a part but more than the server reads at once; four parts.
WEIGHTS, LARGE_WEIGHTS = b"\1" * 500_000, os.urandom(3_500_000)
RETRIES = [1, 2, 4, 8, 8]


@pytest.fixture(scope="module")
def server():
    with HubServer(part_size=10**6) as server:
        yield server


@pytest.fixture
def hub(server, monkeypatch, tmp_path):
    server.reset()
    server.replace_hub(monkeypatch, tmp_path / "cache")
    return server


@pytest.fixture
def api(hub):
    """A client with the token, and a model repository."""
    api = HfApi(endpoint=hub.endpoint, token=hub.token)
    api.create_repo(NET)
    return api


@pytest.fixture
def waits(monkeypatch):
    """The seconds the client would have waited before each of its retries; it does not."""
    waits = []
    monkeypatch.setattr(_http, "time", SimpleNamespace(sleep=waits.append))
    return waits


def operations(weights: bytes = WEIGHTS, card: bytes = CARD) -> list[CommitOperationAdd]:
    return [CommitOperationAdd("README.md", card), CommitOperationAdd("model.safetensors", weights)]


def publish(api: HfApi, **settings):
    return api.create_commit(NET, operations(), commit_message="Publish", **settings)


def paths(hub: HubServer, revision: str = "main") -> set[str]:
    return set(hub.repos[NET].at(revision).files)


def statuses(hub: HubServer, pattern: str) -> list[int | None]:
    return [asked.status for asked in hub.asked(pattern)]


def test_the_token_tells_who_it_is(hub):
    assert HfApi(token=hub.token).whoami()["name"] == "ada"
    with pytest.raises(HfHubHTTPError, match="Invalid user token") as error:
        HfApi(token="hf_expired").whoami()
    assert error.value.response.status_code == 401


def test_a_repository_is_created_once_and_deleted(hub):
    api = HfApi()
    assert api.create_repo("ada/secret", private=True).repo_id == "ada/secret" and hub.repos["ada/secret"].private
    with pytest.raises(HfHubHTTPError, match="409"):
        api.create_repo("ada/secret")
    assert api.create_repo("ada/secret", exist_ok=True).repo_id == "ada/secret"
    with pytest.raises(HfHubHTTPError, match="403"):
        api.create_repo("grace/net")
    api.delete_repo("ada/secret")
    assert not api.repo_exists("ada/secret")


def test_one_commit_carries_card_and_weights(hub, api):
    commit = publish(api)
    assert commit.oid == api.model_info(NET).sha == hub.repos[NET].at().sha and len(hub.repos[NET].commits) == 2
    assert set(api.list_repo_files(NET)) == {".gitattributes", "README.md", "model.safetensors"}
    info = {file.rfilename: file for file in api.model_info(NET, files_metadata=True).siblings}
    card, weights = api.get_paths_info(NET, ["README.md", "model.safetensors", "none"])
    assert card.lfs is None and card.blob_id == info["README.md"].blob_id == operations_oid(CARD)
    assert weights.lfs.sha256 == info["model.safetensors"].lfs.sha256 and weights.lfs.size == len(WEIGHTS)
    assert api.model_info(NET).card_data.license == "mit"
    assert statuses(hub, "PUT /storage") == [200] and not hub.asked("PUT /storage")[0].has_token


def operations_oid(content: bytes) -> str:
    """git's own name for a file."""
    return subprocess.run(["git", "hash-object", "--stdin"], input=content, capture_output=True).stdout.decode().strip()


def test_the_same_commit_again_sends_nothing(hub, api):
    first = publish(api)
    hub.requests.clear()
    assert publish(api).oid == first.oid
    assert len(hub.asked("objects/batch")) == 1 and not hub.asked("PUT") and not hub.asked("/commit/")


def test_new_weights_are_all_that_is_sent_of_a_changed_folder(hub, api, tmp_path):
    (tmp_path / "README.md").write_bytes(CARD)
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "model.safetensors").write_bytes(WEIGHTS)
    api.upload_folder(repo_id=NET, folder_path=tmp_path, commit_message="First")
    (tmp_path / "sub" / "model.safetensors").write_bytes(LARGE_WEIGHTS)
    hub.requests.clear()
    api.upload_folder(repo_id=NET, folder_path=tmp_path, commit_message="Second")
    assert len(hub.repos[NET].commits) == 3 and paths(hub) == {".gitattributes", "README.md", "sub/model.safetensors"}
    assert hub.repos[NET].at().files["sub/model.safetensors"].content == LARGE_WEIGHTS
    assert statuses(hub, "PUT /storage") == [200] * 4 and statuses(hub, "complete_multipart") == [200]
    tree = list(api.list_repo_tree(NET))
    assert {entry.path for entry in tree} == {".gitattributes", "README.md", "sub"}
    assert [entry.path for entry in api.list_repo_tree(NET, "sub")] == ["sub/model.safetensors"]


def test_files_and_folders_are_deleted(hub, api):
    publish(api)
    api.create_commit(NET, [CommitOperationAdd("old/a.txt", b"a")], commit_message="More")
    gone = [CommitOperationDelete("old/"), CommitOperationDelete("README.md")]
    api.create_commit(NET, gone, commit_message="Less")
    assert paths(hub) == {".gitattributes", "model.safetensors"}
    with pytest.raises(RemoteEntryNotFoundError):
        api.create_commit(NET, gone[1:], commit_message="Again")


def test_a_branch_takes_a_commit_of_its_own(hub, api):
    with pytest.raises(RevisionNotFoundError):
        publish(api, revision="v1/draft")
    api.create_branch(NET, branch="v1/draft")
    commit = publish(api, revision="v1/draft")
    assert {branch.name for branch in api.list_repo_refs(NET).branches} == {"main", "v1/draft"}
    assert api.model_info(NET, revision="v1/draft").sha == commit.oid != api.model_info(NET).sha
    assert "README.md" in paths(hub, "v1/draft") and "README.md" not in paths(hub)
    for revision in ("v1/draft", commit.oid):
        with open(hf_hub_download(NET, "README.md", revision=revision), "rb") as file:
            assert file.read() == CARD
    with pytest.raises(HfHubHTTPError, match="409"):
        api.create_branch(NET, branch="v1/draft")
    api.create_branch(NET, branch="v1/draft", exist_ok=True)
    api.delete_branch(NET, branch="v1/draft")
    assert not api.revision_exists(NET, "v1/draft")


def test_downloads_are_what_was_sent_and_cached_by_their_hash(hub, api, tmp_path):
    publish(api)
    folder = snapshot_download(NET)
    assert (tmp_path / "cache" / "models--ada--net" / "blobs" / operations_oid(CARD)).read_bytes() == CARD
    with open(f"{folder}/model.safetensors", "rb") as file:
        assert file.read() == WEIGHTS
    assert all(not asked.has_token for asked in hub.asked("GET /storage"))
    hub.requests.clear()
    assert hf_hub_download(NET, "README.md") == f"{folder}/README.md" and not hub.asked("GET")
    with pytest.raises(RemoteEntryNotFoundError):
        hf_hub_download(NET, "none.json")


def test_a_private_repository_needs_the_token(hub, api):
    api.create_repo("ada/secret", private=True)
    stranger = HfApi(token=False)
    for ask in (stranger.model_info, stranger.list_repo_files):
        with pytest.raises(RepositoryNotFoundError):
            ask("ada/secret")
    with pytest.raises(RepositoryNotFoundError):
        hf_hub_download("ada/secret", ".gitattributes", token=False)
    assert hf_hub_download("ada/secret", ".gitattributes", token=hub.token)
    with pytest.raises(HfHubHTTPError) as error:
        publish(stranger)
    assert error.value.response.status_code == 401 and paths(hub) == {".gitattributes"}


def test_a_model_is_loaded_by_its_id_at_its_commit(hub, api, tiny_classifier):
    commit = api.upload_folder(repo_id=NET, folder_path=tiny_classifier).oid
    at_home = AutoModelForSequenceClassification.from_pretrained(tiny_classifier)
    read_back = AutoModelForSequenceClassification.from_pretrained(NET, revision=commit)
    batch = AutoTokenizer.from_pretrained(NET, revision=commit)("a good film", return_tensors="pt")
    assert torch.equal(at_home(**batch).logits, read_back(**batch).logits)


def test_another_process_finds_the_hub_by_its_environment(hub, api, tmp_path):
    publish(api)
    script = (
        "from huggingface_hub import HfApi, hf_hub_download, whoami\n"
        f"print(whoami()['name'], HfApi().model_info({NET!r}).sha, hf_hub_download({NET!r}, 'README.md'))"
    )
    environment = os.environ | hub.environment | {"HF_HOME": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True)
    name, sha, path = done.stdout.split()
    assert (name, sha) == ("ada", hub.repos[NET].at().sha) and path.startswith(str(tmp_path))


def test_a_space_keeps_variables_and_secrets(hub):
    api = HfApi()
    key = [{"key": "KEY", "value": "hidden"}]
    url = api.create_repo("ada/demo", repo_type="space", space_sdk="gradio", space_secrets=key)
    assert url == f"{hub.endpoint}/spaces/ada/demo" and api.space_info("ada/demo").card_data.sdk == "gradio"
    assert api.add_space_variable("ada/demo", "MODEL_ID", NET)["MODEL_ID"].value == NET
    assert api.get_space_variables("ada/demo")["MODEL_ID"].value == NET
    api.add_space_secret("ada/demo", "OTHER", "hidden")
    assert set(api.get_space_secrets("ada/demo")) == {"KEY", "OTHER"}
    api.delete_space_variable("ada/demo", "MODEL_ID")
    assert not api.get_space_variables("ada/demo") and set(hub.repos) == {"spaces/ada/demo"}


@pytest.mark.parametrize(
    ("kind", "card", "message"),
    [
        ("model", "---\na: [\n---\n", "parsing"),
        ("model", "---\n- a\n---\n", "must be an object"),
        ("space", "---\nsdk: gradio\ncolorFrom: beige\n---\n", "colorFrom"),
        ("space", "---\ntitle: a\n---\n", "sdk"),
    ],
)
def test_a_card_with_wrong_metadata_is_refused(hub, kind, card, message):
    api, name = HfApi(), f"ada/{kind}"
    api.create_repo(name, repo_type=kind, space_sdk="gradio" if kind == "space" else None)
    with pytest.raises(ValueError, match=f"Invalid metadata in README.md.\n.*{message}"):
        api.upload_file(repo_id=name, repo_type=kind, path_or_fileobj=card.encode(), path_in_repo="README.md")
    assert not hub.asked("/commit/")


def test_a_card_is_checked_without_a_repository(hub):
    ModelCard(CARD.decode()).validate()
    assert statuses(hub, "POST /api/validate-yaml") == [200] and len(hub.requests) == 1


# What the client does by itself when the Hub fails. Its waits are recorded, not waited for.

RETRIED = ("/preupload/", "objects/batch", "PUT /storage", "lfs/verify")


@pytest.mark.parametrize("pattern", ["POST /api/validate-yaml", *RETRIED, "POST .*/commit/"])
@pytest.mark.parametrize("status", [401, 403, 409, 412])
def test_a_refusal_is_raised_at_once(hub, api, waits, pattern, status):
    hub.fail(pattern, status)
    with pytest.raises((HfHubHTTPError, RuntimeError)) as error:
        publish(api)
    assert status_of(error.value) == status and waits == [] and paths(hub) == {".gitattributes"}
    assert publish(api).oid == hub.repos[NET].at().sha and "README.md" in paths(hub)


def status_of(error: BaseException) -> int:
    """What goes wrong with a large file is the cause of a RuntimeError that names the file."""
    if isinstance(error, RuntimeError):
        assert "Error while uploading 'model.safetensors'" in str(error)
        error = error.__cause__
    return error.response.status_code


@pytest.mark.parametrize("pattern", RETRIED)
def test_what_comes_before_the_commit_is_retried(hub, api, waits, pattern):
    hub.fail(pattern, 429, headers={"Retry-After": "7"})
    hub.fail(pattern, 429, headers={"RateLimit": '"api";r=0;t=55'})
    hub.fail(pattern, 503)
    hub.cut(pattern)
    publish(api)
    assert waits == [7 + 1, 55 + 1, 4, 8] and statuses(hub, pattern) == [429, 429, 503, None, 200]
    assert len(hub.repos[NET].commits) == 2


@pytest.mark.parametrize("pattern", RETRIED)
def test_five_retries_are_all(hub, api, waits, pattern):
    hub.fail(pattern, times=6)
    with pytest.raises((HfHubHTTPError, RuntimeError)) as error:
        publish(api)
    assert status_of(error.value) == 500 and waits == RETRIES and paths(hub) == {".gitattributes"}


def test_an_upload_that_is_cut_every_time_leaves_nothing(hub, api, waits):
    hub.cut("PUT /storage", times=6)
    with pytest.raises(RuntimeError, match="Error while uploading 'model.safetensors'") as error:
        publish(api)
    assert isinstance(error.value.__cause__, httpx2.TransportError) and waits == RETRIES
    assert paths(hub) == {".gitattributes"} and not hub.repos[NET].objects


@pytest.mark.parametrize(("status", "headers"), [(429, {"Retry-After": "1"}), (500, None), (503, None)])
def test_a_commit_is_never_retried_and_its_weights_need_no_second_upload(hub, api, waits, status, headers):
    hub.fail("/commit/", status, headers=headers)
    with pytest.raises(HfHubHTTPError) as error:
        publish(api)
    assert error.value.response.status_code == status and waits == []
    assert paths(hub) == {".gitattributes"} and list(hub.repos[NET].objects.values()) == [WEIGHTS]
    publish(api)
    assert len(hub.asked("PUT /storage")) == 1 and "model.safetensors" in paths(hub)


@pytest.mark.parametrize("size", [len(CARD), 3_000_000])
def test_a_commit_cut_while_it_is_sent_is_not_made(hub, api, waits, size):
    hub.cut("/commit/")
    with pytest.raises(httpx2.TransportError) as error:
        api.create_commit(NET, operations(card=CARD.ljust(size)), commit_message="Publish")
    assert not isinstance(error.value, HfHubHTTPError) and waits == [] and paths(hub) == {".gitattributes"}


def test_a_commit_whose_answer_is_lost_is_made_and_not_made_twice(hub, api):
    head = hub.repos[NET].at().sha
    hub.cut("/commit/", after=True)
    with pytest.raises(httpx2.TransportError):
        publish(api)
    made = hub.repos[NET].at().sha
    assert made != head and publish(api).oid == made and len(hub.repos[NET].commits) == 2


def test_the_same_operation_objects_would_be_committed_twice(hub, api):
    used = operations()
    hub.cut("/commit/", after=True)
    with pytest.raises(httpx2.TransportError):
        api.create_commit(NET, used, commit_message="Publish")
    api.create_commit(NET, used, commit_message="Publish")
    assert len(hub.repos[NET].commits) == 3


def test_a_commit_on_an_old_parent_is_refused(hub, api):
    head = api.model_info(NET).sha
    publish(api)
    with pytest.raises(HfHubHTTPError, match="A commit has happened since") as error:
        api.create_commit(NET, operations(card=b"# Other"), commit_message="Late", parent_commit=head)
    assert error.value.response.status_code == 412 and hub.repos[NET].at().files["README.md"].content == CARD


@pytest.mark.parametrize("status", [429, 500])
@pytest.mark.parametrize("pattern", ["GET /api/whoami", "POST /api/repos/create", "GET /api/models", "POST .*/branch/"])
def test_questions_are_not_retried(hub, api, waits, pattern, status):
    hub.fail(pattern, status, headers={"Retry-After": "1"})
    with pytest.raises(HfHubHTTPError) as error:
        api.whoami()
        api.create_repo("ada/other")
        api.create_branch(NET, branch="v1")
        api.model_info(NET)
    assert error.value.response.status_code == status and waits == []


def test_a_failing_check_of_the_card_is_no_error_of_the_hub(hub, api):
    hub.fail("validate-yaml", 503)
    with pytest.raises(json.JSONDecodeError):
        publish(api)
    assert paths(hub) == {".gitattributes"}


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_creation_is_silent_where_the_repository_exists(hub, api, status):
    hub.fail("repos/create", status, times=2)
    assert api.create_repo(NET, exist_ok=True).repo_id == NET
    with pytest.raises(HfHubHTTPError) as error:
        api.create_repo("ada/other", exist_ok=True)
    assert error.value.response.status_code == status


def test_a_download_is_retried_and_then_found_in_the_cache(hub, api, waits):
    publish(api)
    hub.fail("HEAD .*/resolve/", 503, times=2)
    path = hf_hub_download(NET, "README.md")
    assert statuses(hub, "HEAD") == [503, 503, 200] and waits == [1]
    hub.fail("HEAD .*/resolve/", times=9)
    assert hf_hub_download(NET, "README.md") == path
    with pytest.raises(LocalEntryNotFoundError):
        hf_hub_download(NET, "model.safetensors")


def test_the_client_waits_for_a_slow_answer_as_long_as_it_takes(hub, api):
    assert default_client_factory().timeout == httpx2.Timeout(None)
    hub.slow("/commit/", 0.3)
    start = time.perf_counter()
    publish(api)
    assert time.perf_counter() - start > 0.3


def test_a_commit_given_up_waiting_for_is_made_all_the_same(hub, api, waits):
    hub.slow("/commit/", 0.5)
    hub.slow("PUT /storage", 0.5)
    set_client_factory(lambda: httpx2.Client(timeout=0.25, follow_redirects=True))
    try:
        with pytest.raises(httpx2.ReadTimeout):
            publish(api)
    finally:
        set_client_factory(default_client_factory)
    assert waits == [1] and paths(hub) == {".gitattributes"}
    for _ in range(500):
        if "README.md" in paths(hub):
            break
        time.sleep(0.01)
    assert "README.md" in paths(hub)


def test_errors_do_not_tell_the_token(hub, api):
    hub.fail("/commit/", 403)
    with pytest.raises(HfHubHTTPError) as error:
        publish(api)
    assert hub.token not in str(error.value) + repr(error.value)


def test_a_request_of_before_a_reset_changes_nothing_after_it(hub, api):
    hub.slow("POST /api/repos/create", 0.3)
    failed = []

    def create():
        try:
            api.create_repo("ada/other")
        except Exception as error:
            failed.append(error)

    asking = threading.Thread(target=create, daemon=True)
    asking.start()
    while len(hub.asked("repos/create")) < 2:
        time.sleep(0.01)
    hub.reset()
    asking.join(timeout=10)
    time.sleep(0.4)
    assert hub.repos == {} and failed
