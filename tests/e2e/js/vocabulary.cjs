// What the story is told with: the official client, refusals, Stripe, patience.

const assert = require("node:assert/strict");
const { Autumn } = require("autumn-js");

const { ORCHARD_URL, ORCHARD_KEY, ORCHARD_LIVE_KEY, RESET_JOB_URL, STRIPE_URL, STRIPE_KEY } =
  process.env;
const DAY = 86_400_000;
// What takes this long does not happen any more.
const PATIENCE = 20_000;

/** A client that reports failures instead of hiding them. */
const client = (secretKey) =>
  new Autumn({ secretKey, serverURL: ORCHARD_URL, failOpen: false, timeoutMs: 60_000 });

const autumn = client(ORCHARD_KEY);
const live = client(ORCHARD_LIVE_KEY);

/** Send a request that must succeed; return its answer. */
async function send(address, body, headers = {}) {
  const content = body instanceof URLSearchParams ? body : JSON.stringify(body);
  const answer = await fetch(address, { method: "POST", body: content, headers });
  const text = await answer.text();
  assert.equal(answer.status, 200, text);
  return JSON.parse(text);
}

/** Call an operation that the client lacks. */
const call = (operation, body) =>
  send(`${ORCHARD_URL}/v1/${operation}`, body, { authorization: `Bearer ${ORCHARD_KEY}` });

/** Run the job that otherwise runs every minute. */
const resetBalances = () => send(RESET_JOB_URL, {});

const control = (step, body = {}) => send(`${STRIPE_URL}/_control/${step}`, body);

/** What happens in the Stripe account by itself; a real one can't be steered. */
const stripe = {
  isDouble: Boolean(STRIPE_URL),
  customer: async (email) => {
    const headers = { authorization: `Bearer ${STRIPE_KEY}` };
    const made = await send(`${STRIPE_URL}/v1/customers`, new URLSearchParams({ email }), headers);
    return made.id;
  },
  invoice: (customer, line) => control("invoices", { customer, lines: [line] }),
  take: (step, invoice) => control(`invoices/${invoice}/${step}`),
  // Let what the block looks at be so many days on; then the account's clock is right again.
  later: async (days, look) => {
    await control("clock/advance", { by: (days * DAY) / 1000 });
    await stripe.settle();
    await look();
    await control("clock/advance", { to: Math.floor(Date.now() / 1000) });
  },
  settle: async () => assert.ok((await control("reports/settle")).settled),
};

/** Expect the client to throw its own error, holding exactly this envelope. */
function refused(promise, status, code, message, env = "sandbox") {
  return assert.rejects(promise, (error) => {
    assert.equal(error.name, "AutumnDefaultError");
    assert.equal(error.statusCode, status);
    assert.deepEqual(JSON.parse(error.body), { message, code, env });
    return true;
  });
}

const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** Look again and again until what is seen is as expected; return it. */
async function eventually(look, expected) {
  const deadline = Date.now() + PATIENCE;
  for (;;) {
    const seen = await look();
    if (expected(seen)) return seen;
    assert.ok(Date.now() < deadline, `still ${JSON.stringify(seen)}`);
    await pause(50);
  }
}

module.exports = { DAY, autumn, call, eventually, live, refused, resetBalances, stripe };
