// What happened to a customer, told with the official JavaScript client.

const assert = require("node:assert/strict");
const { before, test } = require("node:test");
const { DAY, autumn, call, eventually, refused } = require("./vocabulary.cjs");

const STUDIO = JSON.parse(process.env.STUDIO);
const HOUR = 3_600_000;

/** Give a new customer the studio plan; return how calls name the customer. */
async function subscribe(customerId) {
  await autumn.customers.getOrCreate({ customerId });
  await autumn.billing.attach({ customerId, planId: "studio" });
  return { customerId };
}

before(async () => {
  for (const feature of STUDIO.features) await call("features.create", feature);
  for (const plan of STUDIO.plans) await call("plans.create", plan);
});

test("usage is summed by day and by what events say", async () => {
  const ada = await subscribe("ada");
  const now = Date.now();
  const today = now - (now % DAY);
  const used = [
    [0, 3, "small"],
    [1, 4, "large"],
    [1, 5, "small"],
  ];
  for (const [days, value, model] of used) {
    const timestamp = Math.min(today - days * DAY + HOUR, Date.now() - 1);
    await autumn.track({ ...ada, featureId: "drafts", value, timestamp, properties: { model } });
  }
  const asked = { ...ada, featureId: "drafts", range: "7d" };

  const summed = await eventually(
    () => autumn.events.aggregate(asked),
    (seen) => seen.total.drafts.count === 3,
  );
  const grouped = await autumn.events.aggregate({ ...asked, groupBy: "properties.model" });

  assert.equal(summed.total.drafts.sum, 12);
  const days = Object.fromEntries(summed.list.map((one) => [one.period, one.values.drafts]));
  assert.equal(summed.list.length, 8);
  assert.deepEqual(
    [0, 1, 2].map((number) => days[today - number * DAY]),
    [3, 9, 0],
  );
  const yesterday = grouped.list.find((one) => one.period === today - DAY);
  assert.deepEqual(yesterday.groupedValues.drafts, { large: 4, small: 5 });
});

test("what a use took from each balance is summed", async () => {
  const bob = await subscribe("bob");
  await autumn.track({ ...bob, featureId: "drafts", value: 2 });
  const asked = { ...bob, featureId: "drafts", range: "24h", aggregateOn: "deducted" };

  const seen = await eventually(
    () => autumn.events.aggregate(asked),
    (found) => found.total.drafts.count === 1,
  );

  const [owners] = seen.deductions.map((one) => one.values).filter((one) => one.credits);
  assert.deepEqual([owners.credits.deducted, owners.credits.balances[0].creditCost], [8, 4]);
  await refused(
    autumn.events.aggregate({ featureId: "drafts", range: "7d", aggregateOn: "deducted" }),
    400,
    "invalid_request",
    "aggregate_on needs customer_id",
  );
});

test("events are listed page by page, of a time and of everybody", async () => {
  const start = Date.now() - 2;
  for (const name of ["cleo", "dan", "eve"]) {
    await autumn.track({ ...(await subscribe(name)), featureId: "credits", value: 2 });
  }
  const between = { featureId: "credits", customRange: { start, end: start + HOUR } };
  await eventually(
    () => autumn.events.list(between),
    (seen) => seen.list.length === 3,
  );

  const first = await autumn.events.list({ ...between, limit: 2 });
  const rest = await autumn.events.list({ ...between, limit: 2, startCursor: first.nextCursor });

  const names = [first, rest].map((page) => page.list.map((one) => one.customerId));
  assert.deepEqual(names, [["eve", "dan"], ["cleo"]]);
  assert.equal(rest.nextCursor, null);
});
