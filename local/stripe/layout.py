"""The look of every page: calm, in light and dark, without scripts."""

import html
from string import Template


def whole(title: str, body: str) -> str:
    """Return a page; `body` is HTML, the title is text."""
    return _PAGE.substitute(title=text(title), body=body)


def text(value: object) -> str:
    """Return a value as HTML shows it."""
    return html.escape(str(value))


def alert(message: str) -> str:
    """Return what went wrong, as HTML; nothing for an empty message."""
    return f'<p class="alert" role="alert">{text(message)}</p>' if message else ""


_PAGE = Template("""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>$title</title>
<style>
  :root { color-scheme: light dark; --ink: #1a1f36; --soft: #697386; --line: #e3e8ee;
          --paper: #fff; --desk: #f6f8fa; --accent: #4f46e5; }
  @media (prefers-color-scheme: dark) { :root { --ink: #e6e8ef; --soft: #9aa3b5;
          --line: #2d3348; --paper: #171b2a; --desk: #0e111c; --accent: #7c74ff; } }
  * { box-sizing: border-box; }
  body { margin: 0; padding: 3rem 1rem; background: var(--desk); color: var(--ink);
         font: 15px/1.5 system-ui, sans-serif; }
  main { max-width: 38rem; margin: auto; padding: 2rem; background: var(--paper);
         border: 1px solid var(--line); border-radius: 12px; }
  header { display: flex; justify-content: space-between; align-items: start; gap: 1rem; }
  h1 { margin: 0; font-size: 2.2rem; line-height: 1.2; font-variant-numeric: tabular-nums; }
  p { margin: 0; color: var(--soft); }
  .state { padding: .15rem .7rem; border-radius: 99px; border: 1px solid var(--line);
           font-size: .8rem; text-transform: uppercase; letter-spacing: .04em; }
  .paid { color: #0a7d4b; border-color: currentColor; }
  .due { color: var(--accent); border-color: currentColor; }
  table { width: 100%; margin-top: 2rem; border-collapse: collapse;
          font-variant-numeric: tabular-nums; }
  td, th { padding: .6rem 0; border-top: 1px solid var(--line); text-align: right;
           font-weight: 400; vertical-align: top; }
  td:first-child { text-align: left; }
  small { display: block; color: var(--soft); }
  tfoot tr:last-child > * { font-weight: 600; }
  footer { display: flex; gap: 1rem; align-items: center; margin-top: 2rem; }
  button { padding: .6rem 1.2rem; border: 0; border-radius: 8px; background: var(--accent);
           color: #fff; font: inherit; font-weight: 600; cursor: pointer; }
  a { color: var(--accent); }
  h2 { margin: 2rem 0 .3rem; font-size: 1rem; }
  h2 + table { margin-top: .5rem; }
  p + form { margin-top: .8rem; }
  .plain { padding: 0; background: none; color: var(--accent); font-weight: 400; }
  .quiet { background: none; color: var(--ink); border: 1px solid var(--line); }
  label { display: block; margin-top: .8rem; }
  label.choice { display: flex; gap: .6rem; align-items: baseline; }
  input:not([type=radio]) { width: 100%; padding: .5rem .7rem; border: 1px solid var(--line);
          border-radius: 8px; background: var(--desk); color: var(--ink); font: inherit; }
  td input:not([type=radio]) { width: 5rem; text-align: right; }
  .row { display: flex; gap: .6rem; align-items: end; }
  .row label { flex: 1; }
  .alert { margin-top: 1.5rem; padding: .7rem 1rem; border: 1px solid currentColor;
           border-radius: 8px; color: #b42318; }
  @media (prefers-color-scheme: dark) { .alert { color: #ff9a8f; } .paid { color: #4cc38a; } }
</style></head>
<body><main>$body</main></body></html>
""")
