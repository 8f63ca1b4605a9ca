"""Tiny random models of the real classes, as transformers saves them."""

import string
from pathlib import Path

import torch

LETTERS = [*string.ascii_lowercase, *(letter + "</w>" for letter in string.ascii_lowercase)]
WORDS = ["<|startoftext|>", "<|endoftext|>", *LETTERS]
SMALL = {"hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 1, "num_attention_heads": 2}
CARD = '# Card\n```python\nREGRESSION_QUERY_PROMPT = """\nhow good is "{text_prompt}"\nin these\n"""\n```\n'


def text_model(path: Path, kind: str) -> Path:
    """A CLIP ("clip") or X-CLIP ("xclip") model in a folder."""
    from transformers import CLIPConfig, CLIPImageProcessorPil, CLIPModel, CLIPTokenizer, XCLIPConfig, XCLIPModel

    CLIPTokenizer(vocab={word: index for index, word in enumerate(WORDS)}, merges=[]).save_pretrained(path)
    CLIPImageProcessorPil(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32}).save_pretrained(path)
    text = SMALL | {"vocab_size": len(WORDS), "bos_token_id": 0, "eos_token_id": 1, "max_position_embeddings": 24}
    vision = SMALL | {"image_size": 32, "patch_size": 16}
    torch.manual_seed(0)
    if kind == "clip":
        model = CLIPModel(CLIPConfig(text_config=text, vision_config=vision, projection_dim=16))
    else:
        vision |= {"num_frames": 8, "mit_hidden_size": 16, "mit_intermediate_size": 16, "mit_num_attention_heads": 2}
        model = XCLIPModel(
            XCLIPConfig(
                text_config=text, vision_config=vision, projection_dim=16, prompt_layers=1, prompt_num_attention_heads=2
            )
        )
    model.save_pretrained(path)
    return path


def videoscore(path: Path) -> Path:
    """Idefics2 with a head of five figures in a folder, and a card with a question."""
    from transformers import CLIPTokenizer, Idefics2Config, Idefics2ImageProcessorPil

    from fourreal.judge.videoscore import ScoredIdefics2

    words = [*WORDS, "<fake_token_around_image>", "<image>", "<end_of_utterance>"]
    tokenizer = CLIPTokenizer(vocab={word: index for index, word in enumerate(words)}, merges=[])
    tokenizer.add_special_tokens({"additional_special_tokens": words[-3:]})
    tokenizer.save_pretrained(path)
    Idefics2ImageProcessorPil(size={"longest_edge": 28, "shortest_edge": 28}, do_image_splitting=False).save_pretrained(
        path
    )
    torch.manual_seed(0)
    config = Idefics2Config(
        vision_config=SMALL | {"image_size": 28, "patch_size": 14},
        perceiver_config={
            "resampler_n_latents": 4,
            "resampler_depth": 1,
            "resampler_n_heads": 2,
            "resampler_head_dim": 8,
            "num_key_value_heads": 1,
            "hidden_size": 16,
        },
        text_config=SMALL
        | {
            "model_type": "mistral",
            "num_key_value_heads": 1,
            "head_dim": 8,
            "vocab_size": len(words),
            "pad_token_id": 1,
            "bos_token_id": 0,
            "eos_token_id": 1,
        },
        image_token_id=words.index("<image>"),
        num_labels=5,
    )
    ScoredIdefics2(config).save_pretrained(path)
    (path / "README.md").write_text(CARD)
    return path
