// Every text in view whose contrast to what it stands on is below 4.5 : 1 (WCAG 2.2, 1.4.3), with that contrast.
// Exempt are disabled controls, icons beside words, what is folded away, what is drawn into pictures, and the value over
// a slider, which does not stand on the slider that it belongs to.
() => {
  const EXEMPT = "script, style, [disabled], [aria-hidden=true], [data-testid=stIconMaterial], .hoverlayer, video, " +
    "[data-testid=stSlider] [role=slider], [data-testid=stSliderThumbValue]";
  const numbers = (color) => {
    const found = color.match(/^(rgba?|color)\((?:srgb )?([^)]+)\)/);
    const [r, g, b, alpha = 1] = found[2].split(/[ ,/]+/).map(Number);
    return found[1] === "color" ? [r * 255, g * 255, b * 255, alpha] : [r, g, b, alpha];
  };
  const light = (color) => {
    const linear = color.map((v) => v / 255).map((v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
  };
  const over = (color, ground) => ground.map((v, i) => color[i] * color[3] + v * (1 - color[3]));
  const upwards = (element) => (element ? [element, ...upwards(element.parentElement)] : []);
  const faint = [];
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const element = texts.currentNode.parentElement, text = texts.currentNode.textContent.trim();
    const box = element.getBoundingClientRect();
    const seen = element.checkVisibility({ visibilityProperty: true, opacityProperty: true });
    if (!text || !seen || element.closest(EXEMPT) || box.width < 2 || box.height < 2) continue;
    const styles = upwards(element).map((item) => getComputedStyle(item));
    const grounds = styles.map((style) => numbers(style.backgroundColor)).reverse();
    const ground = grounds.reduce((below, color) => over(color, below), [255, 255, 255]);
    const ink = numbers(element instanceof SVGElement ? styles[0].fill : styles[0].color);
    ink[3] *= styles.reduce((product, style) => product * Number(style.opacity), 1);
    const [low, high] = [light(over(ink, ground)), light(ground)].sort((a, b) => a - b);
    const contrast = (high + 0.05) / (low + 0.05);
    if (contrast < 4.495) faint.push(`${contrast.toFixed(2)} ${text} <${element.closest("[data-testid]")?.dataset.testid}>`);
  }
  return faint;
}
