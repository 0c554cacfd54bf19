"use strict";
// Zoom, filter and details of a lineage. What comes out of the data is only ever set as text.
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const [width, height, nodeWidth, nodeHeight] = data.size;
  const stage = document.getElementById("stage");
  const graph = document.getElementById("graph");
  const view = document.getElementById("view");
  const details = document.getElementById("details");
  const find = document.getElementById("find");
  const nodes = data.nodes.map((_, number) => document.getElementById("n" + number));
  const edges = data.edges.map((_, number) => document.getElementById("e" + number));
  const near = data.nodes.map(() => []);
  data.edges.forEach(([source, target], number) => {
    near[source].push(number);
    if (target !== source) near[target].push(number);
  });
  const words = data.nodes.map((node) =>
    [node.kind, node.label, ...node.facts.map((fact) => fact[1])].join("\n").toLowerCase());

  // --- where we look ---------------------------------------------------------------------------------------------
  graph.removeAttribute("viewBox");
  let scale = 1, left = 0, top = 0, waiting = false;
  const draw = () => {
    waiting = false;
    view.setAttribute("transform", `translate(${left} ${top}) scale(${scale})`);
    graph.classList.toggle("far", scale < 0.6);
    graph.classList.toggle("farther", scale < 0.28);
  };
  const redraw = () => {
    if (!waiting) { waiting = true; requestAnimationFrame(draw); }
  };
  const zoom = (factor, x = stage.clientWidth / 2, y = stage.clientHeight / 2) => {
    const wanted = Math.min(4, Math.max(0.005, scale * factor));
    left = x - (x - left) * wanted / scale;
    top = y - (y - top) * wanted / scale;
    scale = wanted;
    redraw();
  };
  const fit = () => {
    scale = Math.min(1, (stage.clientWidth - 60) / width, (stage.clientHeight - 60) / height);
    left = (stage.clientWidth - width * scale) / 2;
    top = (stage.clientHeight - height * scale) / 2;
    redraw();
  };
  const center = (number, x = 0.5) => {
    const [nodeX, nodeY] = data.nodes[number].at;
    left = stage.clientWidth * x - (nodeX + nodeWidth / 2) * scale;
    top = stage.clientHeight / 2 - (nodeY + nodeHeight / 2) * scale;
    redraw();
  };
  const isVisible = (number) => {
    const x = data.nodes[number].at[0] * scale + left, y = data.nodes[number].at[1] * scale + top;
    return x >= 0 && y >= 0 && x + nodeWidth * scale <= stage.clientWidth && y + nodeHeight * scale <= stage.clientHeight;
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
    redraw();
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
    if (moves[event.key]) { left += moves[event.key][0]; top += moves[event.key][1]; redraw(); }
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
  let chosen = -1;
  const choose = (number, move) => {
    if (chosen >= 0) {
      nodes[chosen].classList.remove("chosen");
      near[chosen].forEach((edge) => edges[edge].classList.remove("chosen"));
    }
    chosen = number;
    const node = data.nodes[number];
    nodes[number].classList.add("chosen");
    near[number].forEach((edge) => edges[edge].classList.add("chosen"));
    details.replaceChildren();
    details.className = "k-" + node.kind;
    const heading = make("h2", "", details);
    make("small", node.kind, heading);
    heading.append(node.label || "(content)");
    const list = make("dl", "", details);
    for (const [name, value] of node.facts) { make("dt", name, list); make("dd", value, list); }
    neighbours("leads to", near[number].filter((edge) => data.edges[edge][0] === number), 1);
    neighbours("comes from here", near[number].filter((edge) => data.edges[edge][1] === number), 0);
    details.scrollTop = 0;
    if (move && !isVisible(number)) center(number);
  };
  const neighbours = (title, found, end) => {
    if (!found.length) return;
    make("h3", title, details);
    const list = make("ul", "", details);
    for (const edge of found) {
      const [, , relation, note] = data.edges[edge];
      const other = data.edges[edge][end];
      const button = make("button", "", make("li", "", list));
      button.className = "k-" + data.nodes[other].kind;
      make("small", note ? `${relation} (${note}) ` : `${relation} `, button);
      button.append(data.nodes[other].label || "(content)");
      button.addEventListener("click", () => choose(other, true));
    }
  };
  graph.addEventListener("click", (event) => {
    const found = event.target.closest(".node");
    if (found && !moved) choose(Number(found.id.slice(1)), false);
  });

  // --- which nodes -----------------------------------------------------------------------------------------------
  const boxes = [...document.querySelectorAll("#kinds input")];
  let hits = [];
  const filter = () => {
    const wanted = find.value.trim().toLowerCase();
    const kinds = new Set(boxes.filter((box) => box.checked).map((box) => box.value));
    const shown = data.nodes.map((node) => kinds.has(node.kind));
    const hit = data.nodes.map((_, number) => shown[number] && words[number].includes(wanted));
    hits = wanted ? hit.flatMap((is, number) => (is ? [number] : [])) : [];
    nodes.forEach((node, number) => {
      node.classList.toggle("hidden", !shown[number]);
      node.classList.toggle("dim", !hit[number]);
    });
    edges.forEach((edge, number) => {
      const [source, target] = data.edges[number];
      edge.classList.toggle("hidden", !shown[source] || !shown[target]);
      edge.classList.toggle("dim", !hit[source] && !hit[target]);
    });
  };
  boxes.forEach((box) => box.addEventListener("change", filter));
  find.addEventListener("input", filter);
  find.addEventListener("keydown", (event) => {
    if (event.key === "Escape") { find.value = ""; filter(); }
    if (event.key !== "Enter" || !hits.length) return;
    choose(hits[(hits.indexOf(chosen) + 1) % hits.length], false);
    if (scale < 0.6) scale = 1;
    center(chosen);
  });

  fit();
  if (scale < 0.35) { scale = 0.8; center(data.root, 0.2); }
  draw();
  choose(data.root, false);
})();
