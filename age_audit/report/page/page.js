"use strict";
// Tables sort at a press of their heads; the gate's slider moves through what is in the page already. Nothing is computed
// here but percentages: shares and their intervals come from the page's data.
for (const table of document.querySelectorAll("table.sortable")) {
  const body = table.tBodies[0];
  [...table.tHead.rows[0].cells].forEach((head, place) => {
    if (head.classList.contains("drawing")) return;
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const down = head.getAttribute("aria-sort") === "ascending";
      for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      const value = (row) => row.cells[place].dataset.v;
      const rows = [...body.rows];
      const numbers = rows.every((row) => value(row) === "" || Number.isFinite(Number(value(row))));
      rows.sort((one, two) => {
        const [a, b] = [value(one), value(two)];
        if (a === "" || b === "") return (a === "") - (b === ""); // what is missing stands last either way
        const order = numbers ? Number(a) - Number(b) : a.localeCompare(b, "en");
        return down ? -order : order;
      });
      body.append(...rows);
    });
  });
}

const openTarget = () => {
  const target = location.hash.length > 1 && document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (!target) return;
  for (let at = target; at; at = at.parentElement) if (at.tagName === "DETAILS") at.open = true;
  if (target.classList.contains("table")) for (const inside of target.querySelectorAll("details")) inside.open = true;
  target.scrollIntoView();
};
addEventListener("hashchange", openTarget);
openTarget();

const gate = document.getElementById("gate-form");
if (gate) {
  const { first, limits } = JSON.parse(document.getElementById("gate-data").textContent);
  const at = (id) => document.getElementById(id);
  const chart = document.querySelector("#gate-chart svg");
  const hover = document.createElementNS("http://www.w3.org/2000/svg", "title"); // what a pointer over the picture shows
  chart.prepend(hover);
  const names = [...at("gate-group").options].map((option) => option.textContent);
  const percent = (share) => {
    const digits = share >= 0.05 || share === 0 ? 0 : 1;
    return `${(100 * share).toFixed(digits)}\u00a0%`;
  };
  const told = ([share, low, high]) =>
    share === null ? "too few faces to say" : `${percent(share)} (${percent(low)} to ${percent(high)})`;
  const draw = (look, shares) => {
    const box = chart.dataset;
    const x = (i) => Number(box.x0) + (i / (shares.length - 1)) * (box.x1 - box.x0);
    const y = (share) => Number(box.y0) + share * (box.y1 - box.y0);
    const there = shares.map((ends, i) => [i, ends]).filter(([, ends]) => ends[0] !== null);
    const text = (points) => points.map(([i, share]) => `${x(i).toFixed(1)},${y(share).toFixed(1)}`).join(" ");
    chart.querySelector(`.line.${look}`).setAttribute("points", text(there.map(([i, ends]) => [i, ends[0]])));
    const edge = [...there.map(([i, ends]) => [i, ends[1]]), ...there.map(([i, ends]) => [i, ends[2]]).reverse()];
    chart.querySelector(`.band.${look}`).setAttribute("points", text(edge));
    return x;
  };
  const move = () => {
    const limit = limits[at("gate-limit").value];
    const group = Number(at("gate-group").value);
    const threshold = Number(at("gate-threshold").value);
    const place = threshold - first;
    at("gate-at").textContent = threshold;
    for (const what of ["passed", "near", "refused"]) {
      for (const ages of gate.querySelectorAll(`[data-ages=${what}]`)) ages.textContent = limit[what].ages;
      const n = limit[what].n[group];
      const shares = limit[what].shares[group][place];
      const box = gate.querySelector(`[data-share=${what}]`);
      box.replaceChildren();
      const strong = document.createElement("strong");
      strong.textContent = shares[0] === null ? "–" : percent(shares[0]);
      const rest = shares[0] === null ? "too few faces to say" : `95 % interval ${percent(shares[1])} to ${percent(shares[2])}`;
      box.append(strong, `${rest}, ${n.toLocaleString("en")} faces`);
      box.title = `${n.toLocaleString("en")} faces`;
    }
    at("gate-groups").tBodies[0].replaceChildren(
      ...names.map((name, i) => {
        const row = document.createElement("tr");
        for (const [words, number] of [
          [name, false],
          [limit.passed.n[i].toLocaleString("en"), true],
          [told(limit.passed.shares[i][place]), true],
          [limit.refused.n[i].toLocaleString("en"), true],
          [told(limit.refused.shares[i][place]), true],
        ]) {
          const cell = document.createElement("td");
          cell.textContent = words;
          if (number) cell.className = "number";
          row.append(cell);
        }
        return row;
      }),
    );
    const x = draw("passed", limit.passed.shares[group]);
    draw("refused", limit.refused.shares[group]);
    const now = chart.querySelector(".now");
    now.setAttribute("x1", x(place));
    now.setAttribute("x2", x(place));
    at("gate-caption").textContent =
      `Limit ${at("gate-limit").value}, ${names[group]}, with 95 % intervals. Solid: labelled ${limit.passed.ages}, let through; ` +
      `dashed: labelled ${limit.refused.ages}, refused. Upright line: the threshold.`;
    const words = ["passed", "refused"].map((what) => {
      const of = limit[what];
      return `labelled ${of.ages}, ${what === "passed" ? "let through" : "refused"}: ${told(of.shares[group][place])}, n = ${of.n[group].toLocaleString("en")}`;
    });
    hover.textContent = `${names[group]}, threshold ${threshold}; ${words.join("; ")}`;
    chart.setAttribute("aria-label", `${at("gate-caption").textContent} ${hover.textContent}`);
  };
  for (const control of [at("gate-limit"), at("gate-group"), at("gate-threshold")]) control.addEventListener("input", move);
  gate.addEventListener("submit", (event) => event.preventDefault());
  gate.hidden = false;
  move();
}
