// The graph of a feature, drawn from the table and the list below it.
(() => {
  "use strict";

  const place = document.querySelector("[data-graph]");
  const table = place && document.querySelector(place.dataset.graph);
  if (!table || !window.Chart) return;

  const canvas = place.querySelector("canvas");
  const size = place.dataset.size;
  const number = new Intl.NumberFormat(undefined, { maximumFractionDigits: 6 });
  const short = new Intl.NumberFormat(undefined, { notation: "compact", maximumFractionDigits: 1 });
  const moment = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
  // Days and months are those of UTC, so they are called what they are called there.
  const labels = {
    hour: new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" }),
    day: new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", timeZone: "UTC" }),
    month: new Intl.DateTimeFormat(undefined, { month: "short", year: "numeric", timeZone: "UTC" }),
  };
  const midnight = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });

  const value = (row, name) => (row.dataset[name] === undefined ? null : Number(row.dataset[name]));
  const bars = [...table.querySelectorAll("tr[data-at]")].reverse().map((row) => ({
    at: value(row, "at"),
    period: value(row, "period"),
    until: value(row, "until"),
    used: value(row, "used"),
    left: value(row, "left"),
    limit: value(row, "limit"),
  }));
  const marks = [...document.querySelectorAll("#graph-marks > li")].map((item) => ({
    at: Number(item.dataset.at),
    line: item.dataset.line,
    what: item.dataset.what,
    told: item.dataset.told,
  }));
  const isLimited = bars.some((bar) => bar.limit !== null);

  // Who sees the graph need not see its numbers too, until asked for.
  document.querySelector("[data-folds]")?.removeAttribute("open");

  // A canvas knows colours only, not what a style sheet makes them from.
  const probe = place.appendChild(document.createElement("span"));
  probe.hidden = true;
  const color = (name) => {
    probe.style.color = `var(${name})`;
    return getComputedStyle(probe).color;
  };
  const length = { hour: 3600000, day: 86400000, month: 2592000000 }[size];
  // The present one lasts on, and of the first one only a part may be shown.
  const ended = (index) => bars[index + 1]?.period ?? Math.max(bars[index].period + length, bars[index].until);
  const middle = (index) => (bars[index].period + ended(index)) / 2;
  const named = (at) => {
    const day = new Date(at);
    return size === "hour" && day.getHours() === 0
      ? midnight.format(day)
      : labels[size].format(day);
  };

  const datasets = () => [
    {
      type: "bar",
      label: "Used",
      data: bars.map((bar, index) => ({ x: middle(index), y: bar.used })),
      backgroundColor: color("--graph-used"),
      hoverBackgroundColor: color("--graph-used"),
      barPercentage: 0.85,
      categoryPercentage: 1,
      maxBarThickness: 48,
      yAxisID: "used",
      order: 2,
    },
    ...(isLimited ? [
      {
        type: "line",
        label: "Left",
        data: bars.map((bar) => ({ x: bar.until, y: bar.left })),
        borderColor: color("--graph-left"),
        backgroundColor: color("--graph-left"),
        hoverBackgroundColor: color("--graph-left"),
        hoverBorderColor: color("--graph-left"),
        borderWidth: 2,
        pointRadius: bars.length > 60 ? 0 : 2,
        yAxisID: "left",
        order: 1,
      },
      {
        type: "line",
        label: "Limit",
        data: bars.map((bar) => ({ x: bar.until, y: bar.limit })),
        borderColor: color("--graph-limit"),
        backgroundColor: color("--graph-limit"),
        hoverBackgroundColor: color("--graph-limit"),
        hoverBorderColor: color("--graph-limit"),
        borderDash: [6, 4],
        borderWidth: 2,
        stepped: "after",
        pointRadius: 0,
        yAxisID: "left",
        order: 0,
      },
    ] : []),
  ];

  const said = (mark) => [
    `${mark.what}, ${moment.format(new Date(mark.at))}`,
    ...(mark.told ? [mark.told.length > 60 ? `${mark.told.slice(0, 60)}…` : mark.told] : []),
  ];

  const annotations = () => Object.fromEntries(marks.map((mark, index) => [
    `mark${index}`,
    {
      type: "line",
      xMin: mark.at,
      xMax: mark.at,
      borderColor: color(`--graph-${mark.line}`),
      borderWidth: 2,
      borderDash: mark.line === "reset" ? [2, 3] : [],
      label: {
        display: false,
        content: said(mark),
        position: "start",
        backgroundColor: color("--graph-surface"),
        borderColor: color(`--graph-${mark.line}`),
        borderWidth: 1,
        color: color("--graph-text"),
        font: { weight: "normal" },
        textAlign: "start",
        z: 10,
      },
      enter: ({ element }) => {
        element.label.options.display = true;
        return true;
      },
      leave: ({ element }) => {
        element.label.options.display = false;
        return true;
      },
    },
  ]));

  // As many as fit: hours at full quarters and halves of a day, and at midnight, of who looks.
  const spaced = (most) => {
    if (size !== "hour") {
      const every = Math.max(1, Math.ceil(bars.length / most));
      return bars.filter((_, index) => index % every === 0);
    }
    const every = [1, 2, 3, 6, 12, 24, 48, 96].find((hours) => bars.length / hours <= most) ?? 192;
    const start = new Date(bars[0].period).setHours(0, 0, 0, 0);
    return bars.filter((bar) => {
      const hour = new Date(bar.period).getHours();
      const day = Math.round((bar.period - start) / 86400000);
      return every < 24 ? hour % every === 0 : hour === 0 && day % (every / 24) === 0;
    });
  };
  const ticks = (axis) => {
    const most = Math.max(2, Math.floor((axis.right - axis.left || place.clientWidth) / 70));
    axis.ticks = spaced(most).map((bar) => ({ value: bar.period }));
  };

  const scale = (title, position, isShown) => ({
    position,
    display: isShown,
    beginAtZero: true,
    title: { display: place.clientWidth > 500, text: title, color: color("--graph-text") },
    ticks: { color: color("--graph-text"), precision: 0, maxTicksLimit: 6, callback: (at) => short.format(at) },
    grid: { color: color("--graph-grid"), drawOnChartArea: position === "left", drawTicks: false },
    border: { display: false },
  });

  // As they look: a bar, a line, a line with gaps.
  const legend = (chart) => Chart.defaults.plugins.legend.labels.generateLabels(chart).map((label) => ({
    ...label,
    pointStyle: chart.data.datasets[label.datasetIndex].type === "bar" ? "rect" : "line",
  }));

  const options = () => ({
    responsive: true,
    maintainAspectRatio: false,
    animation: false,
    parsing: false,
    interaction: { mode: "index", intersect: false },
    scales: {
      x: {
        type: "linear",
        min: bars[0].period,
        max: ended(bars.length - 1),
        offset: false,
        afterBuildTicks: ticks,
        ticks: { color: color("--graph-text"), maxRotation: 0, callback: named },
        grid: { display: false },
        border: { color: color("--graph-grid") },
      },
      used: scale("Used", "left", true),
      left: { ...scale("Left, limit", "right", isLimited) },
    },
    plugins: {
      legend: {
        position: "bottom",
        reverse: true,
        labels: { color: color("--graph-text"), usePointStyle: true, pointStyleWidth: 28, generateLabels: legend },
      },
      tooltip: {
        itemSort: (one, other) => one.datasetIndex - other.datasetIndex,
        callbacks: {
          title: ([item]) => {
            const bar = bars[item.dataIndex];
            return `${moment.format(new Date(bar.at))} – ${moment.format(new Date(bar.until + 1))}`;
          },
          label: (item) => `${item.dataset.label}: ${number.format(item.parsed.y)}`,
        },
      },
      annotation: { annotations: annotations() },
    },
  });

  const chart = new Chart(canvas, { data: { datasets: datasets() }, options: options() });

  // Colours are those of the theme, which may change while the page is open.
  new MutationObserver(() => {
    chart.data.datasets = datasets();
    chart.options = options();
    chart.update("none");
  }).observe(document.documentElement, { attributeFilter: ["data-bs-theme"] });
})();
