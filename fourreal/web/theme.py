"""Colours and type: calm, dark-friendly, with the fonts that the visitor's own system has."""

from gradio.themes import Base, Color
from gradio.themes.utils import sizes
from gradio.themes.utils.fonts import Font

SEA = Color(
    name="sea",
    c50="#eefaf7",
    c100="#d3f1ea",
    c200="#a9e2d6",
    c300="#74ccbc",
    c400="#46b09f",
    c500="#2b9485",
    c600="#20776c",
    c700="#1d5f58",
    c800="#1b4c48",
    c900="#19403c",
    c950="#092523",
)
STONE = Color(
    name="stone",
    c50="#faf9f7",
    c100="#f2f1ee",
    c200="#e4e2dd",
    c300="#cbc8c1",
    c400="#a09d96",
    c500="#6b6863",
    c600="#595753",
    c700="#3d3c3a",
    c800="#262626",
    c900="#1a1b1c",
    c950="#121314",
)
# What Gradio calls it: in the light form, in the dark one.
LOOK = {
    "body_background_fill": ("*neutral_50", "*neutral_950"),
    "body_text_color": ("*neutral_800", "*neutral_200"),
    "body_text_color_subdued": ("*neutral_500", "*neutral_400"),
    "background_fill_primary": ("white", "*neutral_900"),
    "background_fill_secondary": ("*neutral_100", "*neutral_800"),
    "border_color_primary": ("*neutral_200", "*neutral_700"),
    "block_background_fill": ("transparent", "transparent"),
    "block_border_width": ("0px", "0px"),
    "block_shadow": ("none", "none"),
    "block_label_background_fill": ("transparent", "transparent"),
    "block_label_border_width": ("0px", "0px"),
    "block_title_text_color": ("*neutral_700", "*neutral_300"),
    "block_info_text_color": ("*neutral_500", "*neutral_400"),
    "input_background_fill": ("white", "*neutral_800"),
    "input_placeholder_color": ("*neutral_500", "*neutral_400"),
    "input_border_color": ("*neutral_300", "*neutral_700"),
    "input_border_width": ("1px", "1px"),
    "button_primary_background_fill": ("*primary_600", "*primary_500"),
    "button_primary_background_fill_hover": ("*primary_700", "*primary_400"),
    "button_primary_text_color": ("white", "*neutral_950"),
    "button_secondary_background_fill": ("white", "*neutral_800"),
    "button_secondary_background_fill_hover": ("*neutral_100", "*neutral_700"),
    "button_secondary_border_color": ("*neutral_300", "*neutral_700"),
    "button_border_width": ("1px", "1px"),
    "slider_color": ("*primary_500", "*primary_400"),
    "loader_color": ("*primary_500", "*primary_400"),
    "link_text_color": ("*primary_600", "*primary_300"),
}
SHAPES = {
    "block_padding": "0",
    "block_title_text_weight": "500",
    "button_large_text_weight": "600",
    "button_large_text_size": "*text_md",
    "button_large_radius": "10px",
    "button_medium_radius": "8px",
    "button_small_radius": "8px",
    "checkbox_border_color_dark": "*neutral_500",  # else what is not chosen is a dark disc on a dark button
}


def theme() -> Base:
    """The page's theme, in a light and a dark form; the browser's preference decides."""
    # Fonts by name alone are looked for among Gradio's own files; only a Font is taken from the system.
    sans = [Font(name) for name in ("Inter", "system-ui", "-apple-system", "Segoe UI", "Roboto", "sans-serif")]
    mono = [Font(name) for name in ("ui-monospace", "SFMono-Regular", "Menlo", "monospace")]
    base = Base(
        primary_hue=SEA,
        secondary_hue=SEA,
        neutral_hue=STONE,
        font=sans,
        font_mono=mono,
        radius_size=sizes.radius_md,
        spacing_size=sizes.spacing_md,
        text_size=sizes.text_md,
    )
    dark = {f"{name}_dark": value for name, (_, value) in LOOK.items()}
    return base.set(**{name: value for name, (value, _) in LOOK.items()}, **dark, **SHAPES)
