// The page "Step through" in the browser: what is lit in the graph, pictures, numbers under the pointer, keys.
(() => {
  const told = (name, ...values) => emitEvent(name, ...values);

  // ---- the graph: what the walk has passed

  function light() {
    const step = document.querySelector('.walk-step[data-marks]');
    const svg = document.querySelector('.walk-graph svg');
    if (!step || !svg) return;
    const marks = JSON.parse(step.dataset.marks);
    const forward = new Set(marks.forward.map(String)), returned = new Set(marks.returned.map(String));
    svg.querySelectorAll('[data-step]').forEach((node) => {
      const own = node.dataset.step;
      node.classList.toggle('passed', forward.has(own));
      node.classList.toggle('returned', returned.has(own));
      node.classList.toggle('current', own === String(marks.current));
      node.classList.toggle('is-back', own === String(marks.current) && marks.back);
    });
    svg.querySelectorAll('[data-to]').forEach((edge) => {
      const from = edge.dataset.from, to = edge.dataset.to.split(' ').filter(Boolean);
      const back = edge.classList.contains('madi-return');
      const lit = back
        ? marks.back && to.every((reader) => returned.has(reader))
        : from === '' ? to.some((reader) => forward.has(reader)) : forward.has(from);
      edge.classList.toggle('lit', lit);
      edge.classList.toggle('fresh', lit && (back
        ? to.includes(String(marks.current)) || (to.length === 0 && returned.size === 1)
        : !marks.back && from === String(marks.current)));
    });
    const current = svg.querySelector('.current');
    if (current) follow(current);
  }

  function follow(node) {
    const frame = node.closest('.walk-graph'), box = node.getBoundingClientRect(), around = frame.getBoundingClientRect();
    const aside = box.left + box.width / 2 - around.left - around.width / 2;
    const down = box.top + box.height / 2 - around.top - around.height / 2;
    const calm = matchMedia('(prefers-reduced-motion: reduce)').matches;
    frame.scrollBy({ left: aside, top: down, behavior: calm ? 'auto' : 'smooth' });
  }

  // ---- pictures

  const colours = () => {
    const style = getComputedStyle(document.body);
    const probe = (name) => {
      const value = style.getPropertyValue(name).trim();
      return [1, 3, 5].map((at) => parseInt(value.slice(at, at + 2), 16));
    };
    return { ground: probe('--paper-tint'), above: probe('--forward'), below: probe('--backward'), ink: probe('--ink') };
  };

  const numbersOf = (canvas) => {
    if (!canvas.numbers) {
      const bytes = Uint8Array.from(atob(canvas.dataset.pixels), (letter) => letter.charCodeAt(0));
      canvas.numbers = new Float32Array(bytes.buffer);
    }
    return canvas.numbers;
  };

  function paint(canvas, palette) {
    const numbers = numbersOf(canvas), largest = Number(canvas.dataset.largest) || 1;
    const signed = canvas.dataset.signed === '1';
    const context = canvas.getContext('2d'), image = context.createImageData(canvas.width, canvas.height);
    numbers.forEach((number, at) => {
      const share = Math.min(Math.abs(number) / largest, 1);
      const end = signed ? (number < 0 ? palette.below : palette.above) : palette.ink;
      for (let c = 0; c < 3; c += 1) image.data[4 * at + c] = palette.ground[c] + (end[c] - palette.ground[c]) * share;
      image.data[4 * at + 3] = 255;
    });
    context.putImageData(image, 0, 0);
  }

  function paintAll() {
    const palette = colours();
    document.querySelectorAll('.tile canvas').forEach((canvas) => paint(canvas, palette));
  }

  // ---- the number under the pointer, or under the keys

  const hint = document.createElement('div');
  hint.className = 'walk-hint';
  hint.setAttribute('role', 'status');

  const index = (place, shape) => {
    const sizes = shape ? shape.split(',').map(Number) : [];
    const parts = [];
    for (const size of sizes.reverse()) { parts.unshift(place % size); place = Math.floor(place / size); }
    return parts.length ? `[${parts.join(', ')}]` : '';
  };

  const shortest = (number) => {
    for (let digits = 6; digits < 10; digits += 1) {
      const text = Number(number.toPrecision(digits));
      if (Math.fround(text) === number) return String(text);
    }
    return String(number);
  };

  function entry(target, event) {
    const cell = target.closest('[data-p]');
    const array = target.closest('[data-array]');
    if (cell && array) return { array, place: Number(cell.dataset.p), value: cell.dataset.v, box: cell.getBoundingClientRect() };
    const canvas = target.closest('.tile canvas');
    if (!canvas || !array) return null;
    const box = canvas.getBoundingClientRect();
    const at = event && event.clientX ? {
      column: Math.floor((event.clientX - box.left) / box.width * canvas.width),
      row: Math.floor((event.clientY - box.top) / box.height * canvas.height),
    } : { column: canvas.column || 0, row: canvas.row || 0 };
    return pixel(canvas, array, at, box);
  }

  function pixel(canvas, array, at, box) {
    const column = Math.min(Math.max(at.column, 0), canvas.width - 1), row = Math.min(Math.max(at.row, 0), canvas.height - 1);
    const [down, along] = canvas.dataset.steps.split(',').map(Number);
    const place = Number(canvas.dataset.first) + row * down + column * along;
    const side = box.width / canvas.width, high = box.height / canvas.height;
    const value = shortest(numbersOf(canvas)[row * canvas.width + column]);
    return { array, place, value, box: new DOMRect(box.left + column * side, box.top + row * high, side, high) };
  }

  function show(found) {
    if (!found) { hint.classList.remove('seen'); return; }
    hint.textContent = `${found.array.dataset.letter}${index(found.place, found.array.dataset.shape)} = ${found.value}`;
    const left = Math.min(found.box.left + found.box.width / 2, innerWidth - hint.offsetWidth / 2 - 8);
    hint.style.left = `${Math.max(left, hint.offsetWidth / 2 + 8)}px`;
    hint.style.top = `${found.box.top - 6}px`;
    hint.classList.add('seen');
  }

  function pick(found) {
    if (!found) return;
    const key = found.array.dataset.array;
    told('step_pick', key, found.place);
    document.querySelector('.walk-step').dataset.picked = `${key}:${found.place}`;
    standOut(`${key}:${found.place}`);
  }

  function standOut(picked) {
    document.querySelectorAll('.walk-step .picked-cell').forEach((cell) => cell.classList.remove('picked-cell'));
    document.querySelectorAll('.walk-step .spot').forEach((spot) => spot.remove());
    const [key, place] = picked.split(':');
    const array = key && document.querySelector(`.walk-step [data-array="${CSS.escape(key)}"]`);
    if (!array) return;
    const cell = array.matches(`[data-p="${place}"]`) ? array : array.querySelector(`[data-p="${place}"]`);
    if (cell) cell.classList.add('picked-cell');
    array.querySelectorAll('canvas').forEach((canvas) => spot(canvas, Number(place)));
  }

  function spot(canvas, place) {
    const [down, along] = canvas.dataset.steps.split(',').map(Number);
    const rest = place - Number(canvas.dataset.first);
    const row = Math.floor(rest / down), column = Math.floor((rest - row * down) / along);
    if (rest < 0 || row >= canvas.height || column >= canvas.width || row * down + column * along !== rest) return;
    const mark = document.createElement('i');
    mark.className = 'spot';
    mark.style.cssText = `left:${column / canvas.width * 100}%;top:${row / canvas.height * 100}%;`
      + `width:${100 / canvas.width}%;height:${100 / canvas.height}%`;
    canvas.parentElement.insertBefore(mark, canvas.nextSibling);
  }

  // ---- listening

  const MOVES = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
  const WAYS = { ArrowLeft: 'back', ArrowRight: 'next', ArrowDown: 'turn', Home: 'first', End: 'last', ' ': 'play' };

  function within(event) {
    const canvas = event.target.closest('.tile canvas'), matrix = event.target.closest('.matrix[tabindex]');
    if (canvas) return onCanvas(event, canvas);
    return matrix ? onMatrix(event, matrix) : false;
  }

  function onCanvas(event, canvas) {
    const array = canvas.closest('[data-array]');
    const found = () => pixel(canvas, array, { row: canvas.row || 0, column: canvas.column || 0 }, canvas.getBoundingClientRect());
    if (event.key === 'Enter') { pick(found()); return true; }
    if (!MOVES[event.key]) return false;
    const [down, along] = MOVES[event.key];
    canvas.row = Math.min(Math.max((canvas.row || 0) + down, 0), canvas.height - 1);
    canvas.column = Math.min(Math.max((canvas.column || 0) + along, 0), canvas.width - 1);
    show(found());
    return true;
  }

  function onMatrix(event, matrix) {
    const rows = [...matrix.querySelectorAll('tr')].map((row) => [...row.children]);
    const at = matrix.at || [0, 0];
    if (event.key === 'Enter') { pick(entry(rows[at[0]][at[1]])); return true; }
    if (!MOVES[event.key]) return false;
    const [down, along] = MOVES[event.key];
    const row = Math.min(Math.max(at[0] + down, 0), rows.length - 1);
    matrix.at = [row, Math.min(Math.max(at[1] + along, 0), rows[row].length - 1)];
    rows.flat().forEach((cell) => cell.classList.remove('under'));
    const cell = rows[matrix.at[0]][matrix.at[1]];
    cell.classList.add('under');
    cell.scrollIntoView({ block: 'nearest', inline: 'nearest' });
    show(entry(cell));
    return true;
  }

  document.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    if (within(event)) { event.preventDefault(); return; }
    const typing = event.target.closest('input, textarea, select, [role=slider], [role=listbox], .q-menu, .q-field');
    const pressing = event.key === ' ' && event.target.closest('button, a');
    if (typing || pressing || !WAYS[event.key]) return;
    event.preventDefault();
    told('step_way', WAYS[event.key]);
  });
  document.addEventListener('pointermove', (event) => show(event.target.closest && entry(event.target, event)));
  document.addEventListener('focusout', () => show(null));
  document.addEventListener('scroll', () => show(null), true);
  document.addEventListener('click', (event) => {
    const node = event.target.closest('.walk-graph [data-step]');
    if (node) told('step_node', Number(node.dataset.step));
    else pick(event.target.closest('.walk-step') ? entry(event.target, event) : null);
  });

  let waiting = false;
  function refresh() {
    waiting = false;
    light();
    paintAll();
    const step = document.querySelector('.walk-step');
    if (step && step.dataset.picked) standOut(step.dataset.picked);
  }
  function changed() {
    if (!waiting) { waiting = true; requestAnimationFrame(refresh); }
  }

  addEventListener('DOMContentLoaded', () => {
    document.body.appendChild(hint);
    new MutationObserver((changes) => {
      const ours = (node) => node.nodeType === 1 && (node.matches('.walk-step, .walk-graph, .tile, svg')
        || node.querySelector('.walk-step, .walk-graph, .tile'));
      const theme = changes.some((change) => change.type === 'attributes' && change.target === document.body);
      if (theme || changes.some((change) => [...change.addedNodes].some(ours))) changed();
    }).observe(document.body, { childList: true, subtree: true, attributes: true, attributeFilter: ['class'] });
    changed();
  });
})();
