"""Prompts for freeze-time videos: actions go, who and where stay."""

import pytest

from fourreal.video.prompt import PREFIX, SUFFIX, freeze_prompt, without_actions

# prompt, words that must be gone, words that must be there still
PROMPTS = [
    ("A panda eating ice cream", "eating", "panda with ice cream"),
    ("A fox playing a video game", "playing", "fox video game"),
    ("A dog is running happily through a field of flowers", "is running happily through", "dog in a field of flowers"),
    ("A knight riding a horse across the desert", "riding across", "knight on a horse desert"),
    ("An astronaut dancing", "dancing", "astronaut"),
    ("A cat sitting on a chair wearing a hat", "", "cat sitting on a chair wearing a hat"),
    ("A raccoon dressed in suit playing the trumpet, stage background", "playing", "dressed in suit trumpet , stage"),
    ("A flying dragon breathing fire over a castle", "flying breathing", "dragon fire over a castle"),
    ("Two squirrels fighting each other with swords", "fighting each other", "Two squirrels with swords"),
    ("A storm trooper walking forward and vacuuming", "walking forward and vacuuming", "storm trooper"),
    ("A king in a building", "", "A king in a building"),
    ("A bear driving a car", "driving", "bear in a car"),
    ("A chihuahua running on the grass", "running", "chihuahua on the grass"),
    ("A monkey eats a banana", "eats", "monkey with a banana"),
    ("A goat drinking beer while looking at the camera", "drinking while", "goat beer looking at the camera"),
    ("Two cats fight on a roof", "fight", "Two cats on a roof"),
    ("A man plays the guitar and sings on a stage", "plays sings and", "man with the guitar on a stage"),
    ("A small robot dances to music in a living room", "dances", "small robot music in a living room"),
    ("A child in running shoes next to a swimming pool", "", "running shoes next to a swimming pool"),
    ("A running man in a red shirt", "running", "man in a red shirt"),
    ("A bird flies over the sea at sunset", "flies", "bird over the sea at sunset"),
    ("A fox in a yard turns its head", "turns head", "fox in a yard"),
    ("A cyclist starts to climb a steep road", "starts to climb", "cyclist a steep road"),
    (
        "Children are playing football in the park. They are laughing. Warm light.",
        "are playing laughing They",
        "Children football in the park light",
    ),
    ("A corgi jumping up and down on a bed", "jumping up and down", "corgi on a bed"),
    ("An old woman knits a scarf by the window", "knits", "old woman with a scarf by the window"),
    ("A plate of drinks on a wedding table", "", "plate of drinks on a wedding table"),
    ("A horse galloping away from a burning barn", "galloping away", "horse near a burning barn"),
    ("A robot trying to catch a butterfly", "trying to catch", "robot a butterfly"),
    ("A lion roars", "roars", "lion"),
    ("A whale swims past a sunken ship", "swims past", "whale near a sunken ship"),
    ("Waves crash against the rocks", "crash", "Waves against the rocks"),
    ("A corgi with sunglasses is surfing on a wave, golden hour", "is surfing", "corgi with sunglasses on a wave hour"),
    ("The robot picks up a flower and smells it", "picks up and smells it", "robot with a flower"),
    ("A parrot that is talking on the phone", "that is talking", "parrot on the phone"),
    ("An otter floating on its back while holding a clam", "while", "otter floating on its back holding a clam"),
    ("A cheetah sprinting after a gazelle", "sprinting after", "cheetah near a gazelle"),
    ("Two elephants splash water on each other in a river", "splash each other", "elephants with water in a river"),
    ("A boy flying a kite on a windy hill", "flying", "boy with a kite on a windy hill"),
    ("A tennis player hits the ball", "hits", "tennis player with the ball"),
    ("A baby rabbit eating a carrot under a tree when the sun sets", "eating when sets", "rabbit carrot under a tree"),
]


@pytest.mark.parametrize(("prompt", "gone", "there"), PROMPTS)
def test_actions_are_left_out_and_the_rest_stays_in_order(prompt, gone, there):
    words = without_actions(prompt).lower().replace(",", " ,").split()
    assert [word for word in gone.lower().split() if word in words] == []
    rest = iter(words)
    assert [word for word in there.lower().split() if word not in rest] == []


@pytest.mark.parametrize(("prompt", "gone", "there"), PROMPTS)
def test_no_loose_ends_are_left(prompt, gone, there):
    out = without_actions(prompt)
    assert out[-1] not in " ,;:"
    assert out.split()[-1].lower() not in {"and", "with", "in", "on", "a", "the", "near", "facing", "to", "is", "are"}
    assert "  " not in out
    assert without_actions(out) == out  # what is still stays as it is


def test_the_papers_words_go_around_it():
    assert freeze_prompt("A panda eating ice cream.") == f"{PREFIX} a panda with ice cream, {SUFFIX}"
    assert freeze_prompt("NASA rocket", prefix="Orbit of", suffix="") == "Orbit of NASA rocket"


@pytest.mark.parametrize(
    ("prompt", "still"),
    [
        ("A 🦊 runs through the snow ❄️", "A 🦊 in the snow ❄️"),
        ("🦊 jumps over a fence", "🦊 over a fence"),
        ("A red fox 🦊 running in a yard", "A red fox 🦊 in a yard"),
        ("A fox chasing 🐇🐇", "A fox 🐇🐇"),
        ("👩‍🚀 dancing on the moon", "👩‍🚀 on the moon"),
        ("🦊❄️", "🦊❄️"),
    ],
)
def test_pictures_among_the_words_are_things_and_stay(prompt, still):
    assert without_actions(prompt) == still


@pytest.mark.parametrize(
    ("prompt", "goes_around"),
    [
        ("Ein Schmetterling fliegt über eine Wiese", "ein Schmetterling fliegt über eine Wiese"),
        ("Ein Fuchs mit rotem Fell rennt im Garten.", "ein Fuchs mit rotem Fell rennt im Garten"),
        ("Der Fuchs ran an den Baum", "der Fuchs ran an den Baum"),
        ("Hunde spielen im Garten", "Hunde spielen im Garten"),
        ("Un zorro corre por la nieve", "un zorro corre por la nieve"),
        ("Лиса бежит. Снег идёт.", "Лиса бежит. Снег идёт"),
        ("लाल गेंद उछलती है", "लाल गेंद उछलती है"),
    ],
)
def test_what_is_not_english_stays_as_it_is(prompt, goes_around):
    """The rules know no verbs of other languages, and took some of their nouns for English ones."""
    assert freeze_prompt(prompt) == f"{PREFIX} {goes_around}, {SUFFIX}"


def test_a_foreign_word_in_an_english_prompt_changes_nothing():
    still = "A man with a jalapeño in a café in la plaza"
    assert without_actions(still.replace("with", "eats")) == still


@pytest.mark.parametrize("prompt", ["Running", "run!", "dancing and singing", "...", "跳舞的熊猫", "a" * 500, "("])
def test_odd_prompts_come_out_as_something(prompt):
    assert freeze_prompt(prompt).startswith(PREFIX)
