"""The inbox, on a real directory and on fsspec's object store in memory."""

import json
import os
from collections.abc import Generator
from pathlib import Path
from threading import Barrier, Thread

import fsspec
import pytest

from leads_pipeline.errors import FileRejected, SetupProblem
from leads_pipeline.providers.inbox import Claim, Inbox, observation, stable
from leads_pipeline.store.ids import new_id


class Place:
    """An inbox and a way to look at it from outside, the same for every kind of storage."""

    def __init__(self, url: str) -> None:
        self.inbox = Inbox(url)
        self.url = url
        self.files, self.root = fsspec.url_to_fs(url)

    def drop(self, path: str, contents: bytes = b"Name\nAnn\n") -> None:
        target = f"{self.root}/{path}"
        self.files.makedirs(target.rpartition("/")[0], exist_ok=True)
        self.files.pipe_file(target, contents)

    def text(self, path: str) -> str:
        return self.files.cat_file(f"{self.root}/{path}").decode()

    def everything(self) -> list[str]:
        self.files.invalidate_cache()
        return sorted(path.removeprefix(f"{self.root}/") for path in self.files.find(self.root))


@pytest.fixture(params=["directory", "object store"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Generator[Place]:
    if request.param == "directory":
        yield Place(str(tmp_path))
    else:
        place = Place(f"memory://{new_id()}")
        yield place
        if place.files.exists(place.root):
            place.files.rm(place.root, recursive=True)


def taken(place: Place) -> Claim:
    (file,) = place.inbox.scan()
    claim = place.inbox.take(file)
    assert claim is not None
    return claim


def test_each_subfolder_is_an_organization(place: Place) -> None:
    place.drop("acme/leads.xlsx", b"12345")
    place.drop("Übersee GmbH/liste [final] *.csv")
    place.drop("stray.csv")
    assert [(file.organization, file.name) for file in place.inbox.scan()] == [
        ("acme", "leads.xlsx"),
        ("Übersee GmbH", "liste [final] *.csv"),
    ]
    assert place.inbox.scan()[0].size == 5


def test_files_in_no_organizations_folder_are_counted_and_stay(place: Place) -> None:
    place.drop("stray.csv")
    place.drop(".hidden")
    place.drop("acme/leads.csv")
    assert place.inbox.homeless() == 1
    assert place.files.exists(f"{place.root}/stray.csv")


@pytest.mark.parametrize(
    "name", [".hidden.csv", "~$leads.xlsx", "leads.xlsx.part", "leads.csv.crdownload", "LEADS.CSV.TMP", "leads.csv~"]
)
def test_files_that_are_still_arriving_are_left_alone(place: Place, name: str) -> None:
    place.drop(f"acme/{name}")
    assert place.inbox.scan() == []


def test_folders_inside_an_organization_are_left_alone(place: Place) -> None:
    place.drop("acme/archive/leads.csv")
    place.drop("acme/done/leads.csv")
    assert place.inbox.scan() == []


def test_a_file_is_stable_when_two_scans_saw_the_same(place: Place) -> None:
    place.drop("acme/leads.csv", b"Name\n")
    cursor = json.loads(json.dumps(observation(place.inbox.scan())))
    assert stable({}, place.inbox.scan()) == []
    assert stable(cursor, place.inbox.scan()) == place.inbox.scan()
    place.drop("acme/leads.csv", b"Name\nAnn\n")
    assert stable(cursor, place.inbox.scan()) == []


def test_a_taken_file_can_be_read_and_is_gone_from_the_scan(place: Place) -> None:
    place.drop("acme/leads [1].csv", b"Name\nAnn\n")
    claim = taken(place)
    assert place.inbox.scan() == []
    with place.inbox.open(claim) as contents:
        assert contents.read() == b"Name\nAnn\n"


def test_a_file_is_taken_once(place: Place) -> None:
    place.drop("acme/leads.csv")
    (file,) = place.inbox.scan()
    assert place.inbox.take(file) is not None
    assert place.inbox.take(file) is None


def test_of_many_takers_at_once_one_gets_the_file(tmp_path: Path) -> None:
    place = Place(str(tmp_path))
    place.drop("acme/leads.csv")
    (file,) = place.inbox.scan()
    barrier, claims = Barrier(8), []

    def take() -> None:
        other = Inbox(place.url)
        barrier.wait()
        claims.append(other.take(file))

    takers = [Thread(target=take) for _ in range(8)]
    for taker in takers:
        taker.start()
    for taker in takers:
        taker.join()
    assert sorted(claim is not None for claim in claims) == [False] * 7 + [True]


def test_takers_of_the_same_version_hold_the_same_key(place: Place) -> None:
    # Where a move is no single step, storing under the key is what makes it once.
    place.drop("acme/leads.csv")
    (file,) = place.inbox.scan()
    (again,) = Inbox(place.url).scan()
    assert file.key == again.key
    place.drop("acme/leads.csv", b"Name\nAnother\n")
    assert place.inbox.scan()[0].key != file.key


def test_a_crash_after_taking_loses_nothing(place: Place) -> None:
    place.drop("acme/leads.csv", b"kept")
    claim = taken(place)
    after_the_crash = Inbox(place.url)
    assert after_the_crash.abandoned() == [claim]
    with after_the_crash.open(claim) as contents:
        assert contents.read() == b"kept"
    after_the_crash.done(claim)
    assert after_the_crash.abandoned() == []


def test_a_stored_file_moves_to_done(place: Place) -> None:
    place.drop("acme/leads.csv")
    place.inbox.done(taken(place))
    assert place.everything() == ["acme/done/leads.csv"]


def test_a_refused_file_moves_to_failed_with_the_reason_beside_it(place: Place) -> None:
    place.drop("acme/leads.xlsx")
    place.inbox.failed(taken(place), FileRejected("password_protected", "The workbook asks for a password."))
    assert place.everything() == ["acme/failed/leads.xlsx", "acme/failed/leads.xlsx.reason.txt"]
    assert place.text("acme/failed/leads.xlsx.reason.txt") == "password_protected\nThe workbook asks for a password.\n"


def test_a_second_file_of_the_same_name_does_not_replace_the_first(place: Place) -> None:
    for contents in (b"first", b"second"):
        place.drop("acme/leads.csv", contents)
        place.inbox.done(taken(place))
    names = place.everything()
    assert len(names) == 2
    assert sorted(place.text(name) for name in names) == ["first", "second"]


def test_finishing_twice_does_no_harm(place: Place) -> None:
    place.drop("acme/leads.csv")
    claim = taken(place)
    place.inbox.done(claim)
    place.inbox.done(claim)
    assert place.everything() == ["acme/done/leads.csv"]


def test_a_link_is_never_followed(tmp_path: Path) -> None:
    place = Place(str(tmp_path / "inbox"))
    secret = tmp_path / "secret.csv"
    secret.write_text("not for you")
    place.drop("acme/leads.csv")
    (tmp_path / "inbox/acme/secret.csv").symlink_to(secret)
    (tmp_path / "inbox/elsewhere").symlink_to(tmp_path)
    (file,) = place.inbox.scan()
    assert (file.organization, file.name) == ("acme", "leads.csv")


def test_a_file_that_became_a_link_is_refused(tmp_path: Path) -> None:
    place = Place(str(tmp_path))
    place.drop("acme/leads.csv")
    (file,) = place.inbox.scan()
    (tmp_path / "acme/leads.csv").unlink()
    (tmp_path / "acme/leads.csv").symlink_to("/etc/hostname")
    claim = place.inbox.take(file)
    assert claim is not None
    with pytest.raises(FileRejected), place.inbox.open(claim):
        pass


def test_a_done_folder_that_leads_elsewhere_is_refused(tmp_path: Path) -> None:
    place = Place(str(tmp_path / "inbox"))
    place.drop("acme/leads.csv")
    (tmp_path / "inbox/acme/done").symlink_to(tmp_path)
    with pytest.raises(SetupProblem, match="link"):
        place.inbox.done(taken(place))


def test_a_missing_inbox_is_said_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(SetupProblem, match="does not exist"):
        Inbox(str(tmp_path / "nowhere")).scan()


def test_an_unknown_kind_of_storage_is_said_in_a_sentence_without_its_password() -> None:
    with pytest.raises(SetupProblem) as caught:
        Inbox("nonsense://user:secret@host/inbox")
    assert "secret" not in caught.value.detail


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may read everything")
def test_an_unreadable_inbox_is_said_in_a_sentence(tmp_path: Path) -> None:
    tmp_path.chmod(0)
    with pytest.raises(SetupProblem, match="Permission denied"):
        Inbox(str(tmp_path)).scan()
