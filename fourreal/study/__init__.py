"""The paper's user study: which of two films people prefer, asked blind (4Real sec. 4, fig. 6).

A study is one folder: `study.json`, which alone says what each film is; `raters/`, which may be given to anybody; and
`votes.sqlite`.
"""
