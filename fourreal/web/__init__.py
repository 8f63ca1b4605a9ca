"""The page: choose two videos, launch, watch a scene form, look around in it. Gradio on FastAPI, all of it local."""
