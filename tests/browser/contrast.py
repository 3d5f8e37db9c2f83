# Contrast as WCAG 2.2 counts it: the text's colour, seen through the opacity of all it stands in, on the nearest
# ground that has a colour.
CONTRAST = """
(selector) => [...document.querySelectorAll(selector)].filter((node) => node.checkVisibility()).map((node) => {
  const rgba = (text) => {
    const paint = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
    paint.fillStyle = text;
    paint.fillRect(0, 0, 1, 1);
    return [...paint.getImageData(0, 0, 1, 1).data].map((value) => value / 255);
  };
  const over = (above, alpha, below) => above.map((value, i) => value * alpha + below[i] * (1 - alpha));
  const grounds = [];
  let opacity = 1;
  for (let at = node; at; at = at.parentElement) {
    const style = getComputedStyle(at);
    opacity *= Number(style.opacity);
    grounds.push(rgba(style.backgroundColor));
  }
  const ground = grounds.reverse().reduce((below, [r, g, b, a]) => over([r, g, b], a, below), [1, 1, 1]);
  const text = over(rgba(getComputedStyle(node).color).slice(0, 3), opacity, ground);
  const light = (colour) => {
    const [r, g, b] = colour.map((value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const [dark, bright] = [light(text), light(ground)].sort((a, b) => a - b);
  return [node.className || node.tagName, (bright + 0.05) / (dark + 0.05)];
})
"""
