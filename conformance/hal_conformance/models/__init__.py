"""Real pretrained models with real inputs, judged by the typical tier.

`catalogue` lists them, `packages` fetches them, `inputs` and `answers` make and read what they
are about; `expected` keeps the bounds, `suite` is what the runner runs, `validate` measures the
tier itself (docs/typical.md).
"""
