// Draws how many messages went, arrived and were verified. The page is complete without it.

const charts = [];

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

function numbers(text) {
  return text ? text.split(",").map(Number) : [];
}

function draw() {
  if (!window.uPlot) {
    return;
  }
  charts.splice(0).forEach((chart) => chart.destroy());
  for (const place of document.querySelectorAll(".drawn")) {
    const { times, messages, delivered, verified, label, hours } = place.dataset;
    const data = [times, messages, delivered, verified].map(numbers);
    const top = Math.max(1, ...data[1]);
    const from = hours === undefined ? 5 : 11;
    const clock = (_, splits) => splits.map((seconds) => new Date(seconds * 1000).toISOString().slice(from, from + 5));
    const axis = { stroke: colour("--soft"), grid: { stroke: colour("--line"), width: 1 }, ticks: { show: false }, font: "12px system-ui" };
    const line = { width: 1.5, points: { show: false } };
    charts.push(
      new window.uPlot(
        {
          width: place.clientWidth,
          height: 190,
          legend: { show: false },
          cursor: { show: false },
          scales: { y: { range: [0, top * 1.1] } },
          axes: [{ ...axis, grid: { show: false }, values: clock, space: 70 }, { ...axis, size: 52 }],
          series: [
            {},
            { ...line, stroke: colour("--soft") },
            { ...line, stroke: colour("--jade"), fill: colour("--jade-soft") },
            { ...line, stroke: colour("--coral") },
          ],
        },
        data,
        place,
      ),
    );
    place.setAttribute("role", "img");
    place.setAttribute("aria-label", `${label}: max ${top}`);
  }
}

draw();
window.addEventListener("resize", draw);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
