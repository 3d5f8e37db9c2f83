// Draws the codes of each second. The page is complete without it.

let chart = null;

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

function draw() {
  const place = document.getElementById("chart");
  if (!place || !window.uPlot) {
    return;
  }
  const slot = Number(place.dataset.slot);
  const codes = place.dataset.series.split(",").map((text) => Number(text) / slot);
  const end = Math.floor(Number(place.dataset.at) / 1000 / slot) * slot;
  const times = codes.map((_, index) => end - (codes.length - 1 - index) * slot);
  // The last slot is not over yet.
  const data = [times.slice(0, -1), codes.slice(0, -1)];
  const size = { width: place.clientWidth, height: 170 };
  chart?.destroy();
  const clock = (_, splits) => splits.map((seconds) => new Date(seconds * 1000).toISOString().slice(11, 19));
  const axis = { stroke: colour("--soft"), grid: { stroke: colour("--line"), width: 1 }, ticks: { show: false }, font: "12px system-ui" };
  const top = Math.max(1, ...data[1]);
  chart = new window.uPlot(
    {
      ...size,
      legend: { show: false },
      cursor: { show: false },
      scales: { y: { range: [0, top * 1.1] } },
      axes: [{ ...axis, grid: { show: false }, values: clock, space: 90 }, { ...axis, size: 44 }],
      series: [{}, { stroke: colour("--jade"), fill: colour("--jade-soft"), width: 1.5, points: { show: false } }],
    },
    data,
    place,
  );
  place.setAttribute("role", "img");
  place.setAttribute("aria-label", `${place.dataset.label}: ${codes.at(-2) ?? 0}, max ${top}`);
}

draw();
document.addEventListener("htmx:sse:after:message", draw);
window.addEventListener("resize", draw);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
