/** Runs in a page: measures what a person would see of it. */
(() => {
  const shown = (element) => element.getClientRects().length > 0;
  const channels = (colour) => {
    const canvas = document.createElement('canvas').getContext('2d');
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3);
  };
  const luminance = (colour) =>
    channels(colour)
      .map((value) => (value <= 10 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4))
      .reduce((sum, value, i) => sum + value * [0.2126, 0.7152, 0.0722][i], 0);
  const contrast = (a, b) => {
    const [low, high] = [luminance(a), luminance(b)].sort((x, y) => x - y);
    return (high + 0.05) / (low + 0.05);
  };
  const ground = getComputedStyle(document.body).backgroundColor;
  const drawings = [...document.querySelectorAll('figure div[role=img] > svg')].filter(shown);
  const boxes = [...document.querySelectorAll('figure, table, td, h2, h3, p, li, dd, pre')].filter(shown);
  return {
    scrollWidth: document.documentElement.scrollWidth,
    cutOff: boxes
      .filter((box) => box.getBoundingClientRect().right > innerWidth + 1)
      .map((box) => `${box.tagName} ${box.textContent.slice(0, 40)}`),
    dark: luminance(ground) < 0.5,
    harmed: 'harmed' in window || document.querySelector('main script, img, b') !== null,
    hiddenConfigs: [...document.querySelectorAll('pre')].filter(
      (pre) => !pre.checkVisibility({ contentVisibilityAuto: true }),
    ).length,
    plots: drawings.map((svg) => {
      const { width, height } = svg.getBoundingClientRect();
      const scale = width / Number(svg.getAttribute('width'));
      const texts = [...svg.querySelectorAll('text')];
      return {
        width,
        height,
        smallestText: scale * Math.min(...texts.map((text) => parseFloat(getComputedStyle(text).fontSize))),
        points: [...svg.querySelectorAll('.mark-symbol path, .mark-rect path')].filter(shown).length,
        leastContrast: Math.min(...texts.map((text) => contrast(getComputedStyle(text).fill, ground))),
      };
    }),
  };
})();
