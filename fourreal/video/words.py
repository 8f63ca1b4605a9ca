"""Words that the rewriting of prompts knows: what is an action, and what only looks like one."""


def _set(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Actions by their base form; the finite forms are made from them. -ing words count as actions unless listed below.
ACTIONS = _set(
    "accelerate approach arrive attack bake balance bark bathe beat bite blast blow bounce bow box break breakdance "
    "breathe brush build burst carry cast catch celebrate charge chase chew clap clean climb collapse collide come "
    "conduct cook crash crawl cross cry cut dance dash dig dive drag draw dribble drift drink drive drop eat emerge "
    "enter erupt escape exercise explain explode explore fall feed fetch fight fire flap flee flicker flip float "
    "flow fly fold follow gallop gather give glide go grab grow hit hop hug hunt hurry inspect iron jog juggle jump "
    "kick kiss knit knock land laugh launch leap leave lick lift like march melt mix mow nod open operate pace "
    "paddle paint pass pat peel perform pet pick plant play point pop pounce pour practice prance prepare press "
    "pull punch push race raise reach read rehearse repair ride rise roar roll rotate row rub run rush sail salute "
    "scoot scratch sculpt serve sew shake shoot shovel show sing sip skate skateboard ski skip slice slide smash smell "
    "sneeze sniff snowboard soar speak spin splash spray sprint squeeze stir stomp stretch stride strike stroll "
    "strum surf sway sweep swim swing talk tap taste tease throw tickle tilt toss trot tumble turn twirl twist type "
    "unfold vacuum waddle wag wait walk waltz wander wash watch water wave whip whisk whisper wipe work wrestle "
    "write yawn yell"
) - _set("like box iron water fire land")  # far more often a thing than a deed; as -ing words they count

PAST = _set("ate came drank drove fell flew fought leapt ran rode sang swam threw went")

# -ing words that are no action, or one that a frozen scene shows as well.
THINGS = _set(
    "amazing anything awning bedding being boring breathtaking building ceiling charming clearing clothing crossing "
    "darling drawing dressing duckling dumpling during earring evening everything exciting flooring frosting "
    "gelding herring icing interesting king lighting lightning livestreaming living looking-glass morning nothing "
    "opening outstanding painting parking ping pudding railing ring scaffolding seedling setting shilling sibling "
    "sling smoking-jacket something spring starling sterling sting stocking striking string stuffing stunning "
    "surprising swing thing topping viking wedding wing writing-desk yearling young-looking"
)
STILL = _set(
    "balancing bearing bending blooming carrying containing covering crouching depicting displaying dwelling facing "
    "featuring floating gazing glancing glistening glittering glowing grinning growing hanging having holding "
    "hovering hugging kneeling laying leaning lining living looking lounging lurking lying overlooking perching "
    "posing reclining reflecting relaxing resembling resting shining showing sitting sleeping smiling snoozing "
    "sparkling squatting standing staring surrounding towering using wearing"
)

# "a running man" loses the word, "running shoes" do not.
COMPOUNDS = _set(
    "alley bag band board boat book boots bottle camera car cart chair class club court dress fan fish floor gear "
    "glove gloves goggles ground hall hat house iron jacket lamp light lot machine mat mill mirror net pan paper "
    "park pin plan plate pole pool pot range ring rink rod room saucer scooter shoe shoes shorts squad stick stone "
    "studio suit table tower track trousers truck trunks vest wheel"
)

DETERMINERS = _set(
    "a an and another as at behind beside between by each every few five for four from her his in into its many my "
    "near no of on one onto or our over several six some that the their these this those three to two under with "
    "your"
)
ADJECTIVES = _set(
    "adorable angry baby beautiful big black blond blue bright brown cartoon chubby crazy curious cute dark elegant "
    "fat fierce fluffy friendly furry fuzzy giant golden gray green grey happy huge humanoid little lone lonely "
    "long majestic mechanical mighty old orange photorealistic pink playful pretty proud purple realistic red "
    "robotic royal sad scared shiny short silver small tall tiny tired white wild wise yellow young"
)
PLURALS = _set("children deer fish friends geese men mice people police sheep women")

# Prepositions after an action, and what they are where nothing moves.
PLACES = {
    "in": "in",
    "on": "on",
    "at": "at",
    "under": "under",
    "over": "over",
    "inside": "inside",
    "near": "near",
    "beside": "beside",
    "behind": "behind",
    "by": "by",
    "between": "between",
    "against": "against",
    "above": "above",
    "below": "below",
    "underneath": "underneath",
    "beneath": "beneath",
    "outside": "outside",
    "amid": "amid",
    "among": "among",
    "within": "within",
    "upon": "on",
    "atop": "on",
    "next": "next",
    "around": "near",
    "through": "in",
    "across": "on",
    "along": "along",
    "into": "in",
    "onto": "on",
    "from": "near",
    "towards": "near",
    "toward": "near",
    "down": "on",
    "up": "on",
    "past": "near",
    "off": "near",
    "out": "near",
    "before": "before",
    "after": "near",
    "like": "like",
}
MOVING_PLACES = {"through", "across", "into", "onto", "towards", "toward", "past"}

# What goes with an action and goes away with it.
MANNER = _set(
    "again ahead alone along apart around aside away back backward backwards down energetically fast forth forward "
    "forwards freely happily hard high home in intensely left low off out over past quick quickly rapidly "
    "repeatedly right sideways slow slowly together up upward upwards well wildly"
)
# Only manner where nothing follows that they could belong to: "down the street" is a place.
EITHER = _set("along around down home in left off out over past right up")
RECIPROCAL = (("each", "other"), ("one", "another"))
REFLEXIVE = _set("herself himself itself themselves")

# How an object stays with its subject once the action between them is gone; "with" for all others.
LINKS = {
    "ride": "on",
    "mount": "on",
    "drive": "in",
    "pilot": "in",
    "paddle": "in",
    "row": "in",
    "sail": "in",
    "skateboard": "on",
    "surf": "on",
    "climb": "on",
    "cross": "on",
    "enter": "at",
    "leave": "at",
    "approach": "near",
    "chase": "near",
    "catch": "near",
    "reach": "near",
    "follow": "near",
    "attack": "facing",
    "fight": "facing",
    "watch": "facing",
    "kiss": "beside",
    "explore": "in",
    "pass": "near",
    "sniff": "near",
}
# Verbs whose particle is no place: "picks up a flower".
WITH_PARTICLE = _set("blow break knock lift pick put set take tear throw turn")
# Moved parts of the body say nothing once they are still: "turns its head".
GESTURES = _set("beat close flap lift move nod open raise shake stretch tilt turn twist wag wave")
POSSESSIVES = _set("her his its my our their your")
AUXILIARIES = _set("am are be been being can could had has have is keep keeps may might was were will would")
STARTERS = _set("about begin beginning begins continue continues going start starting starts tries try trying")
CLAUSES = _set("as because until when while whilst")
PRONOUNS = _set("he i it she that they we which who you")

# What small words say of the language: those that are both English and another's are in neither list.
ENGLISH = (
    _set("a and are at by from his her into is its near of the their to under while with") | AUXILIARIES | CLAUSES
) - _set("am was had as")
FOREIGN = _set(
    "am auf aus bei das dem den der des die durch ein eine einem einen einer eines er im ist mit nach nicht sich sie "
    "sind und vom von vor zum zur "
    "au aux avec dans de des du elle est et la le les qui sous sur un une "
    "al con del el en las los por que una y "
    "che da del della di gli il lo nel nella sul sulla "
    "com do em na num numa os uma "
    "een het met naar op van"
)

# A run of emoji and other pictures, with what joins and varies them.
_PICTURES = r"\u2190-\u2bff\U0001f000-\U0001faff"
EMOJI = rf"[{_PICTURES}][{_PICTURES}\u200d\u20e3\ufe0f]*"


def base_of(word: str) -> str | None:
    """The action that a finite form or an -ing form stands for; None if it is none that is known."""
    for base in _bases(word):
        if base in ACTIONS:
            return base
    return None


def _bases(word: str) -> list[str]:
    if word.endswith("ing") and len(word) > 4:
        stem = word[:-3]
        return [stem, stem + "e", stem[:-1] if stem[-1:] == stem[-2:-1] else stem, stem + "ie"]
    if word.endswith("ies"):
        return [word[:-3] + "y", word[:-1]]
    if word.endswith("es"):
        return [word[:-2], word[:-1]]
    return [word[:-1]] if word.endswith("s") else [word]
