"""Films as people wish for them: checked, named apart, and only so many are held."""

import pytest
from test_camera_keyframes import some_path

from fourreal.errors import UserError
from fourreal.jobs.films import MOST_FILMS, FilmWish, drop_old_films
from fourreal.jobs.places import FILES, FILM


@pytest.mark.parametrize(
    "wish", [{}, {"trajectory": "spiral", "size": "720p"}, {"path": some_path(), "size": "1080p", "fps": 60}]
)
def test_a_film_has_a_name_that_is_served_and_arguments_that_are_taken(tmp_path, wish):
    from fourreal.cli.parsers import parser

    film = FilmWish.of(**wish)
    assert FILM.fullmatch(film.file)
    assert FILES.fullmatch(f"exports/{film.file}")
    words = ["export", "run", "--format", "mp4", "--out", "x", *film.arguments(tmp_path / film.file)]
    taken = parser().parse_args(words)
    assert (taken.fps, taken.size) == (wish.get("fps"), {"720p": (1280, 720), "1080p": (1920, 1080)}.get(film.size))
    assert (taken.path is None) == (film.path is None)


def test_other_paths_and_sizes_are_other_films():
    path = some_path()
    wishes = [{"path": path}, {"path": some_path(clock="plays")}, {"path": path, "fps": 24}, {}, {"fps": 25}]
    assert len({FilmWish.of(**wish).file for wish in wishes}) == len(wishes)


@pytest.mark.parametrize(
    "wish",
    [
        {"trajectory": "../../x"},
        {"trajectory": ["orbit"]},
        {"trajectory": "orbit", "path": some_path()},
        {"size": "9000p"},
        {"size": []},
        {"fps": 23},
        {"fps": True},
        {"fps": "24"},
        {"path": {}},
        {"path": "x"},
    ],
)
def test_what_is_no_film_is_refused(wish):
    with pytest.raises(UserError):
        FilmWish.of(**wish)


def test_only_the_latest_films_along_keyframes_are_held(tmp_path):
    films = [tmp_path / f"path-{number:016x}.mp4" for number in range(MOST_FILMS + 3)]
    for film in [*films, tmp_path / "orbit.mp4"]:
        film.touch()
        film.with_suffix(".json").touch()
    drop_old_films(tmp_path, films[-1])
    assert len(list(tmp_path.glob("path-*.mp4"))) == len(list(tmp_path.glob("path-*.json"))) == MOST_FILMS
    assert films[-1].exists()
    assert (tmp_path / "orbit.mp4").exists()
