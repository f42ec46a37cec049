// An export in the browser: chunk after chunk is fetched and kept, and one file made of all.
(() => {
  "use strict";

  const form = document.getElementById("export");
  if (!form) return;
  const part = (name) => document.getElementById(`export-${name}`);
  const count = new Intl.NumberFormat();
  // What is fetched so far; null before an export began, and after it ended.
  let state = null;

  const customers = (number) => `${count.format(number)} ${number === 1 ? "customer" : "customers"}`;

  const tell = (text) => { part("told").textContent = text; };

  const show = (isRunning) => {
    part("progress").hidden = false;
    part("bar").hidden = !isRunning;
    part("failed").hidden = true;
    part("cancel").hidden = !state;
    part("start").hidden = part("back").hidden = Boolean(state);
    for (const field of form.querySelectorAll("input, select")) field.disabled = Boolean(state);
  };

  // What went wrong, in words for people.
  const failure = async (answer) => {
    if (answer.status === 409 && !(answer.headers.get("content-type") ?? "").startsWith("text/plain")) {
      return "You went over to the other environment: go back to the one of this export, then go on.";
    }
    if (answer.redirected) return "You are not signed in any more: sign in in another tab, then go on.";
    const isText = (answer.headers.get("content-type") ?? "").startsWith("text/plain");
    const told = isText ? (await answer.text()).slice(0, 300) : "";
    return told || `The server did not answer as it should (${answer.status}).`;
  };

  const next = async (run) => {
    const asked = new URLSearchParams(run.asked);
    if (run.cursor) asked.set("cursor", run.cursor);
    if (run.shape) asked.set("shape", run.shape);
    const answer = await fetch(`${form.dataset.rows}?${asked}`, {
      headers: { "x-opened-in": document.body.dataset.openedIn },
      signal: run.stopped.signal,
    });
    const isRows = (answer.headers.get("content-type") ?? "").startsWith("text/csv");
    if (!answer.ok || answer.redirected || !isRows) throw new Error(await failure(answer));
    // As bytes: read as text it would lose the mark that tells spreadsheets its encoding.
    const piece = await answer.blob();
    run.pieces.push(piece);
    run.customers += Number(answer.headers.get("x-customers"));
    run.shape = answer.headers.get("x-shape");
    run.cursor = answer.headers.get("x-next-cursor");
  };

  const save = (run) => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob(run.pieces, { type: "text/csv;charset=utf-8" }));
    link.download = form.dataset.file;
    document.body.append(link);
    link.click();
    link.remove();
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
  };

  const goOn = async () => {
    const run = state;
    run.stopped = new AbortController();
    show(true);
    try {
      do {
        tell(`${customers(run.customers)} so far`);
        await next(run);
      } while (run.cursor);
    } catch (error) {
      if (state !== run) return;
      part("bar").hidden = true;
      tell(`Stopped after ${customers(run.customers)}. Nothing is saved yet.`);
      part("why").textContent =
        error instanceof TypeError ? "The server could not be reached." : error.message;
      part("failed").hidden = false;
      part("on").focus();
      return;
    }
    if (state !== run) return;
    state = null;
    save(run);
    show(false);
    tell(`${customers(run.customers)} exported to ${form.dataset.file}.`);
  };

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (state) return;
    const asked = new URLSearchParams(new FormData(form)).toString();
    state = { asked, pieces: [], customers: 0, cursor: "", shape: "", stopped: null };
    goOn();
  });
  addEventListener("beforeunload", (event) => {
    if (state) event.preventDefault();
  });
  part("on").addEventListener("click", goOn);
  part("cancel").addEventListener("click", () => {
    const run = state;
    state = null;
    run?.stopped.abort();
    show(false);
    tell("Cancelled. Nothing was saved.");
    part("start").focus();
  });
})();
