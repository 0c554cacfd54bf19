"use strict";
// Draws a lineage; zoom, filter and details. What comes out of the data is only ever set as text.
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const [width, height, nodeWidth, nodeHeight] = data.size;
  const stage = document.getElementById("stage");
  const details = document.getElementById("details");
  const find = document.getElementById("find");
  const canvas = document.createElement("canvas");
  stage.append(canvas);
  const paper = canvas.getContext("2d", { alpha: false });
  const FAR = 0.6, FARTHER = 0.28;    // scales below which texts, and then everything but places, are left out
  const FEW = 4;                      // pods that are ticked off one by one
  const MANY = 400;                   // edges that are drawn as curves and with names while the graph moves

  const near = data.nodes.map(() => []);
  data.edges.forEach(([source, target], number) => {
    near[source].push(number);
    if (target !== source) near[target].push(number);
  });
  const words = data.nodes.map((node) =>
    [node.kind, node.label, data.pods[node.pod] || "", ...node.facts.map((fact) => fact[1])].join("\n").toLowerCase());

  // --- where everything is ---------------------------------------------------------------------------------------
  // Each column with its nodes from top to bottom: what is in view is found without looking at the others.
  const columns = new Map();
  data.nodes.forEach(({ at: [x] }, number) => columns.set(x, [...(columns.get(x) || []), number]));
  for (const column of columns.values()) column.sort((a, b) => data.nodes[a].at[1] - data.nodes[b].at[1]);
  const curves = data.edges.map(([source, target]) => {
    const [sx, sy] = data.nodes[source].at, [tx, ty] = data.nodes[target].at;
    const y1 = sy + nodeHeight / 2, y2 = ty + nodeHeight / 2;
    if (sx === tx) {
      // Both in one column: around their right side.
      const x = sx + nodeWidth;
      return { x1: x, y1, x2: x, y2, bend1: x + 60, bend2: x + 60, back: y2 < y1 };
    }
    const x1 = tx > sx ? sx + nodeWidth : sx, x2 = tx > sx ? tx : tx + nodeWidth;
    const bend = (x2 - x1) / 2;
    return { x1, y1, x2, y2, bend1: x1 + bend, bend2: x2 - bend, back: tx < sx };
  });

  // --- how it looks ----------------------------------------------------------------------------------------------
  let colours = {};
  const podBoxes = [...document.querySelectorAll("#pods input")];
  const kinds = [...new Set(data.nodes.map((node) => node.kind))];
  const readColours = () => {
    const style = getComputedStyle(document.documentElement);
    const names = ["paper", "card", "ink", "soft", "line", "edge", "strong", ...kinds];
    colours = Object.fromEntries(names.map((name) => [name, style.getPropertyValue("--" + name).trim()]));
    const dark = matchMedia("(prefers-color-scheme: dark)").matches;
    colours.pods = data.pods.map((_, number) => `hsl(${(number * 137 + 20) % 360} 65% ${dark ? 68 : 38}%)`);
    podBoxes.forEach((box) => {
      const number = Number(box.value);
      box.parentElement.style.setProperty("--kind", number < 0 ? colours.soft : colours.pods[number]);
    });
    redraw();
  };

  // --- drawing ---------------------------------------------------------------------------------------------------
  let scale = 1, left = 0, top = 0, waiting = false, moving = false, settling = 0;
  let across = 0, down = 0, dots = 1;
  const hidden = new Uint8Array(data.nodes.length), dim = new Uint8Array(data.nodes.length);
  let chosen = -1;
  const visibleNodes = (seen) => {
    const found = [];
    for (const [x, column] of columns) {
      if (x > seen.right || x + nodeWidth < seen.left) continue;
      let low = 0, high = column.length;
      while (low < high) {
        const middle = (low + high) >> 1;
        if (data.nodes[column[middle]].at[1] + nodeHeight < seen.top) low = middle + 1; else high = middle;
      }
      for (; low < column.length && data.nodes[column[low]].at[1] <= seen.bottom; low++) {
        if (!hidden[column[low]]) found.push(column[low]);
      }
    }
    return found;
  };
  const visibleEdges = (seen) => {
    const found = [];
    curves.forEach((curve, number) => {
      const [source, target] = data.edges[number];
      if (hidden[source] || hidden[target]) return;
      const { x1, x2, y1, y2, bend1 } = curve;
      if (Math.min(x1, x2) > seen.right || Math.max(x1, x2, bend1) < seen.left) return;
      if (Math.min(y1, y2) > seen.bottom || Math.max(y1, y2) < seen.top) return;
      found.push(number);
    });
    return found;
  };
  const isChosen = (number) => data.edges[number][0] === chosen || data.edges[number][1] === chosen;
  const strokeEdges = (numbers, colour, weight, plain) => {
    if (!numbers.length) return;
    paper.strokeStyle = colour;
    paper.lineWidth = weight;
    paper.beginPath();
    for (const number of numbers) {
      const { x1, y1, x2, y2, bend1, bend2 } = curves[number];
      paper.moveTo(x1, y1);
      if (plain) paper.lineTo(x2, y2); else paper.bezierCurveTo(bend1, y1, bend2, y2, x2, y2);
    }
    paper.stroke();
  };
  const drawEdges = (seen) => {
    const all = visibleEdges(seen);
    // Thousands of curves take longer than a frame has: while the graph moves, lines will do.
    const plain = scale < FARTHER || (moving && all.length > MANY);
    const groups = { normal: [], dim: [], chosen: [] };
    for (const number of all) {
      const [source, target] = data.edges[number];
      groups[isChosen(number) ? "chosen" : dim[source] && dim[target] ? "dim" : "normal"].push(number);
    }
    const weight = scale < FARTHER ? Math.max(1.3, 0.6 / scale) : 1.3;
    paper.globalAlpha = 0.15;
    strokeEdges(groups.dim, colours.edge, weight, plain);
    paper.globalAlpha = plain && scale < FARTHER ? 0.6 : 1;
    strokeEdges(groups.normal, colours.edge, weight, plain);
    // Very many of them would be one area in which nothing else is seen.
    paper.globalAlpha = groups.chosen.length > MANY ? 0.25 : 1;
    strokeEdges(groups.chosen, colours.strong, weight * 1.7, plain);
    paper.globalAlpha = 1;
    if (plain) return;
    for (const number of all) {
      const { x1, y1, x2, y2, bend1, bend2 } = curves[number];
      const [source, target, relation] = data.edges[number];
      const faint = dim[source] && dim[target] && !isChosen(number);
      paper.globalAlpha = faint ? 0.15 : 1;
      const turn = bend2 > x2 || (bend2 === x2 && x2 < x1) ? 1 : -1;
      paper.fillStyle = isChosen(number) ? colours.strong : colours.edge;
      paper.beginPath();
      paper.moveTo(x2, y2);
      paper.lineTo(x2 + 8 * turn, y2 - 4);
      paper.lineTo(x2 + 8 * turn, y2 + 4);
      paper.fill();
      if (scale < FAR) continue;
      const x = (x1 + 3 * bend1 + 3 * bend2 + x2) / 8, y = (y1 + y2) / 2;
      const long = textWidth(relation);
      paper.fillStyle = colours.paper;
      paper.fillRect(x - long / 2 - 2, y - 7, long + 4, 13);
      paper.fillStyle = isChosen(number) ? colours.ink : colours.soft;
      paper.font = "10.5px system-ui, sans-serif";
      paper.textAlign = "center";
      paper.fillText(relation, x, y + 3);
    }
    paper.globalAlpha = 1;
  };
  const widths = new Map();
  const textWidth = (text) => {
    if (!widths.has(text)) {
      paper.font = "10.5px system-ui, sans-serif";
      widths.set(text, paper.measureText(text).width);
    }
    return widths.get(text);
  };
  const LARGE = "600 22px system-ui, sans-serif";
  const PATHS = ["file", "folder", "recipe", "external"];
  const titles = new Map();
  const shortened = (number) => {
    if (titles.has(number)) return titles.get(number);
    const { kind, lines } = data.nodes[number];
    // The end of a path says more than its beginning.
    const letters = [...lines[0]], fromEnd = PATHS.includes(kind);
    let title = lines[0];
    paper.font = LARGE;
    while (letters.length > 1 && paper.measureText(title).width > nodeWidth - 24) {
      if (fromEnd) letters.shift(); else letters.pop();
      title = fromEnd ? "…" + letters.join("") : letters.join("") + "…";
    }
    titles.set(number, title);
    return title;
  };
  const drawPlaces = (numbers) => {
    for (const kind of kinds) {
      for (const faint of [0, 1]) {
        paper.globalAlpha = faint ? 0.15 : 1;
        paper.fillStyle = colours[kind];
        paper.beginPath();
        for (const number of numbers) {
          if (data.nodes[number].kind !== kind || dim[number] !== faint) continue;
          paper.rect(...data.nodes[number].at, nodeWidth, nodeHeight);
        }
        paper.fill();
      }
    }
    paper.globalAlpha = 1;
  };
  const drawNode = (number) => {
    const { at: [x, y], kind, lines, pod } = data.nodes[number];
    paper.globalAlpha = dim[number] && number !== chosen ? 0.15 : 1;
    paper.fillStyle = colours.card;
    paper.strokeStyle = number === chosen ? colours.strong : number === data.root ? colours[kind]
      : pod >= 0 ? colours.pods[pod] : colours.line;
    paper.lineWidth = number === chosen ? 2.5 : number === data.root || pod >= 0 ? 2 : 1;
    paper.beginPath();
    paper.roundRect(x, y, nodeWidth, nodeHeight, 6);
    paper.fill();
    paper.stroke();
    paper.fillStyle = colours[kind];
    paper.fillRect(x, y + 2, 5, nodeHeight - 4);
    paper.textAlign = "left";
    paper.fillStyle = colours.ink;
    if (scale < FAR) {
      // One line that can be read from afar, and the pod in the room that the second one leaves.
      paper.font = LARGE;
      paper.fillText(shortened(number), x + 14, pod < 0 ? y + 34 : y + 26);
      if (pod < 0) return;
      paper.fillStyle = colours.pods[pod];
      paper.font = "600 15px system-ui, sans-serif";
      paper.fillText(data.pods[pod], x + 14, y + 45, nodeWidth - 24);
      return;
    }
    paper.font = "600 13px system-ui, sans-serif";
    paper.fillText(lines[0], x + 16, y + 21);
    paper.fillStyle = colours.soft;
    paper.font = "11px system-ui, sans-serif";
    paper.fillText(lines[1], x + 16, y + 40);
    if (pod < 0) return;
    paper.fillStyle = colours.pods[pod];
    paper.font = "600 10px system-ui, sans-serif";
    paper.fillText(data.pods[pod], x + 4, y - 3, nodeWidth - 8);
  };
  const draw = () => {
    waiting = false;
    paper.setTransform(dots, 0, 0, dots, 0, 0);
    paper.globalAlpha = 1;
    paper.fillStyle = colours.paper;
    paper.fillRect(0, 0, across, down);
    paper.setTransform(dots * scale, 0, 0, dots * scale, dots * left, dots * top);
    const seen = { left: -left / scale, top: -top / scale };
    seen.right = seen.left + across / scale;
    seen.bottom = seen.top + down / scale;
    drawEdges(seen);
    const numbers = visibleNodes(seen);
    if (scale < FARTHER) {
      drawPlaces(numbers);
      if (chosen >= 0 && !hidden[chosen]) drawNode(chosen);
    } else numbers.forEach(drawNode);
    paper.globalAlpha = 1;
  };
  const redraw = () => {
    if (!waiting) { waiting = true; requestAnimationFrame(draw); }
  };
  const move = () => {
    moving = true;
    clearTimeout(settling);
    settling = setTimeout(() => { moving = false; redraw(); }, 150);
    redraw();
  };
  const resize = () => {
    [across, down] = [stage.clientWidth, stage.clientHeight];
    dots = Math.min(devicePixelRatio || 1, 2);
    canvas.width = across * dots;
    canvas.height = down * dots;
    redraw();
  };

  // --- where we look ---------------------------------------------------------------------------------------------
  const zoom = (factor, x = across / 2, y = down / 2) => {
    const wanted = Math.min(4, Math.max(0.005, scale * factor));
    left = x - (x - left) * wanted / scale;
    top = y - (y - top) * wanted / scale;
    scale = wanted;
    move();
  };
  const fit = () => {
    scale = Math.min(1, (across - 60) / width, (down - 60) / height);
    left = (across - width * scale) / 2;
    top = (down - height * scale) / 2;
    redraw();
  };
  const center = (number, x = 0.5) => {
    const [nodeX, nodeY] = data.nodes[number].at;
    left = across * x - (nodeX + nodeWidth / 2) * scale;
    top = down / 2 - (nodeY + nodeHeight / 2) * scale;
    redraw();
  };
  const isVisible = (number) => {
    const x = data.nodes[number].at[0] * scale + left, y = data.nodes[number].at[1] * scale + top;
    return x >= 0 && y >= 0 && x + nodeWidth * scale <= across && y + nodeHeight * scale <= down;
  };
  const nodeAt = (event) => {
    const box = canvas.getBoundingClientRect();
    const x = (event.clientX - box.left - left) / scale, y = (event.clientY - box.top - top) / scale;
    const found = visibleNodes({ left: x, right: x, top: y, bottom: y });
    return found.length ? found[0] : -1;
  };

  const pointers = new Map();
  let moved = false;
  stage.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    pointers.set(event.pointerId, event);
    moved = false;
  });
  stage.addEventListener("pointermove", (event) => {
    const before = pointers.get(event.pointerId);
    if (!before) return;
    const dx = event.clientX - before.clientX, dy = event.clientY - before.clientY;
    if (!moved && pointers.size === 1 && Math.hypot(dx, dy) < 4) return;
    if (!moved) { moved = true; stage.setPointerCapture(event.pointerId); stage.classList.add("moving"); }
    if (pointers.size === 2) {
      const other = [...pointers.values()].find((pointer) => pointer.pointerId !== event.pointerId);
      const apart = (one) => Math.hypot(one.clientX - other.clientX, one.clientY - other.clientY) || 1;
      const box = stage.getBoundingClientRect();
      zoom(apart(event) / apart(before), (event.clientX + other.clientX) / 2 - box.left,
        (event.clientY + other.clientY) / 2 - box.top);
    } else {
      left += dx;
      top += dy;
    }
    pointers.set(event.pointerId, event);
    move();
  });
  const release = (event) => {
    pointers.delete(event.pointerId);
    if (!pointers.size) stage.classList.remove("moving");
  };
  stage.addEventListener("pointerup", release);
  stage.addEventListener("pointercancel", release);
  stage.addEventListener("wheel", (event) => {
    event.preventDefault();
    const box = stage.getBoundingClientRect();
    zoom(Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.0015)), event.clientX - box.left, event.clientY - box.top);
  }, { passive: false });
  stage.addEventListener("keydown", (event) => {
    const step = 80;
    const moves = { ArrowLeft: [step, 0], ArrowRight: [-step, 0], ArrowUp: [0, step], ArrowDown: [0, -step] };
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (moves[event.key]) { left += moves[event.key][0]; top += moves[event.key][1]; move(); }
    else if (event.key === "+" || event.key === "=") zoom(1.25);
    else if (event.key === "-") zoom(0.8);
    else if (event.key === "0") fit();
    else return;
    event.preventDefault();
  });
  document.getElementById("in").addEventListener("click", () => zoom(1.25));
  document.getElementById("out").addEventListener("click", () => zoom(0.8));
  document.getElementById("fit").addEventListener("click", fit);

  // --- one node --------------------------------------------------------------------------------------------------
  const make = (name, text, parent) => {
    const made = document.createElement(name);
    if (text) made.textContent = text;
    parent.append(made);
    return made;
  };
  const choose = (number, move) => {
    chosen = number;
    const node = data.nodes[number];
    details.replaceChildren();
    details.className = "k-" + node.kind;
    const heading = make("h2", "", details);
    make("small", node.pod >= 0 ? `${node.kind} of ${data.pods[node.pod]}` : node.kind, heading);
    heading.append(node.label || "(content)");
    const list = make("dl", "", details);
    for (const [name, value] of node.facts) { make("dt", name, list); make("dd", value, list); }
    neighbours("leads to", number, 0);
    neighbours("comes from here", number, 1);
    details.scrollTop = 0;
    if (move && !isVisible(number)) center(number);
    redraw();
  };
  const podName = (number) => data.pods[data.nodes[number].pod] || "this pod";
  const neighbours = (title, number, end) => {
    const found = near[number].filter((edge) => data.edges[edge][end] === number);
    if (!found.length) return;
    make("h3", title, details);
    const list = make("ul", "", details);
    for (const edge of found) {
      const [, , relation, note] = data.edges[edge];
      const other = data.edges[edge][1 - end];
      const button = make("button", "", make("li", "", list));
      button.className = "k-" + data.nodes[other].kind;
      make("small", note ? `${relation} (${note}) ` : `${relation} `, button);
      button.append(data.nodes[other].label || "(content)");
      if (data.nodes[other].pod !== data.nodes[number].pod) make("small", ` of ${podName(other)}`, button);
      button.addEventListener("click", () => choose(other, true));
    }
  };
  canvas.addEventListener("click", (event) => {
    const found = moved ? -1 : nodeAt(event);
    if (found >= 0) choose(found, false);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (pointers.size) return;
    const found = nodeAt(event);
    canvas.style.cursor = found >= 0 ? "pointer" : "";
    canvas.title = found >= 0 ? data.nodes[found].label : "";
  });

  // --- which nodes -----------------------------------------------------------------------------------------------
  const kindBoxes = [...document.querySelectorAll("#kinds input")];
  const note = document.querySelector(".note"), all = note.textContent;
  let hits = [];
  const checked = (boxes) => new Set(boxes.filter((box) => box.checked).map((box) => box.value));
  const filter = () => {
    const wanted = find.value.trim().toLowerCase();
    const wantedKinds = checked(kindBoxes), wantedPods = checked(podBoxes);
    hits = [];
    data.nodes.forEach((node, number) => {
      const shown = wantedKinds.has(node.kind) && (!podBoxes.length || wantedPods.has(String(node.pod)));
      const hit = shown && words[number].includes(wanted);
      hidden[number] = shown ? 0 : 1;
      dim[number] = hit ? 0 : 1;
      if (wanted && hit) hits.push(number);
    });
    note.textContent = !wanted ? all : hits.length ? `${hits.length} of ${data.nodes.length}: Enter goes to the next`
      : "nothing matches";
    redraw();
  };
  [...kindBoxes, ...podBoxes].forEach((box) => box.addEventListener("change", filter));
  if (podBoxes.length > FEW) {
    const every = document.createElement("button");
    every.textContent = "all or none";
    every.addEventListener("click", () => {
      const wanted = podBoxes.some((box) => !box.checked);
      podBoxes.forEach((box) => { box.checked = wanted; });
      filter();
    });
    document.getElementById("pods").prepend(every);
  }
  find.addEventListener("input", filter);
  find.addEventListener("keydown", (event) => {
    if (event.key === "Escape") { find.value = ""; filter(); }
    if (event.key !== "Enter" || !hits.length) return;
    choose(hits[(hits.indexOf(chosen) + 1) % hits.length], false);
    if (scale < FAR) scale = 1;
    center(chosen);
  });

  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", readColours);
  // The details have room of their own, and in a narrow window they take it from the graph.
  new ResizeObserver(() => { resize(); draw(); }).observe(stage);
  readColours();
  choose(data.root, false);
  resize();
  fit();
  if (scale < 0.35) { scale = 0.8; center(data.root, 0.2); }
  draw();
})();
