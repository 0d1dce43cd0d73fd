// The table of operators by type, counted from the rows; a cell leads to the cases it counts.
const matrix = (data) => {
  const $ = (id) => document.getElementById(id);
  const form = $("matrix-filters"), table = $("m-table"), count = $("m-count");
  if (!form) return;
  const field = { text: $("m-text"), target: $("m-target"), version: $("m-version"), show: $("m-show") };
  const order = ["float32", "float64", "float16", "bfloat16", "int64", "int32", "int16", "int8", "uint64", "uint32", "uint16", "uint8", "bool", "string", "complex64", "complex128"];
  const rank = (name) => (order.indexOf(name) + 1 || order.length + 1);
  const columns = data.firsts.map((name, index) => index).sort((a, b) => rank(data.firsts[a]) - rank(data.firsts[b]) || data.firsts[a].localeCompare(data.firsts[b]));
  const judged = new Set(["PASS", "FAIL", "ERROR", "CRASH", "HANG", "OOM", "FLAKE", "ELSEWHERE"]);
  const newest = [];
  data.operator.forEach((op, index) => {
    if (op >= 0) newest[op] = Math.max(newest[op] ?? 0, data.version[index]);
  });

  const counted = (target, all) => {
    const cells = new Map();
    for (let row = 0; row < data.case.length; row++) {
      const place = data.case[row], op = data.operator[place];
      if (op < 0 || data.target[row] !== target) continue;
      if (!all && data.version[place] !== newest[op]) continue;
      const key = op * 1000 + data.first[place];
      let cell = cells.get(key);
      if (!cell) cells.set(key, (cell = { total: 0, judged: 0, passed: 0, grade: 0, margin: 0, by: {} }));
      const outcome = data.outcomes[data.outcome[row]];
      cell.total++;
      cell.by[outcome] = (cell.by[outcome] ?? 0) + 1;
      if (judged.has(outcome)) cell.judged++;
      if (outcome === "PASS") {
        cell.passed++;
        cell.grade = Math.max(cell.grade, data.grade[row]);
        cell.margin = Math.max(cell.margin, Number(data.margin[row] ?? 0));
      }
    }
    return cells;
  };

  const words = { GAP: "gap", UNJUDGED: "?", COMPILED: "built", SKIP: "skip" };
  const look = (cell) => {
    const wrong = cell.judged - cell.passed;
    if (wrong && wrong === (cell.by.ELSEWHERE ?? 0)) return ["else", "bad"];
    if (wrong) return [`${wrong}/${cell.judged}`, "bad"];
    const ring = cell.judged < cell.total ? "°" : "";
    if (cell.passed) return [(data.grades[cell.grade] || "✓") + ring, data.grades[cell.grade] || "A"];
    const names = Object.keys(cell.by).sort((a, b) => cell.by[b] - cell.by[a]);
    return [words[names[0]] ?? names[0], "plain"];
  };
  const told = (cell) => Object.entries(cell.by).map(([name, n]) => `${n} ${name}`).join(", ")
    + (cell.passed && cell.margin ? `; passes up to ${cell.margin} of the bound` : "");
  const wanted = {
    "": () => true,
    wrong: (cell) => cell.judged > cell.passed,
    gap: (cell) => cell.by.GAP,
    unjudged: (cell) => cell.by.UNJUDGED,
  };

  const draw = () => {
    const target = Number(field.target.value);
    const cells = counted(target, field.version.value === "all");
    const text = field.text.value.toLowerCase(), keep = wanted[field.show.value];
    const names = data.operators.map((name, index) => index)
      .filter((op) => data.operators[op].toLowerCase().includes(text))
      .filter((op) => columns.some((type) => { const cell = cells.get(op * 1000 + type); return cell && keep(cell); }))
      .sort((a, b) => data.operators[a].includes("/") - data.operators[b].includes("/") || data.operators[a].localeCompare(data.operators[b]));
    const used = columns.filter((type) => names.some((op) => cells.has(op * 1000 + type)));
    const head = document.createElement("tr");
    head.append(document.createElement("td"));
    for (const type of used) head.append(made("th", data.firsts[type], "col"));
    const body = document.createElement("tbody");
    for (const op of names) {
      const line = document.createElement("tr");
      line.append(made("th", data.operators[op], "row"));
      for (const type of used) line.append(drawn(cells.get(op * 1000 + type), op, type));
      body.append(line);
    }
    const top = document.createElement("thead");
    top.append(head);
    table.replaceChildren(top, body);
    count.textContent = `${names.length} of ${data.operators.length} operators`;
  };
  const made = (tag, text, scope) => {
    const node = document.createElement(tag);
    node.textContent = text;
    node.scope = scope;
    return node;
  };
  const drawn = (cell, op, type) => {
    const box = document.createElement("td");
    if (!cell) return box;
    const [text, name] = look(cell);
    const link = document.createElement("a");
    link.href = "#cases";
    link.textContent = text;
    link.title = `${data.operators[op]}, ${data.firsts[type]}: ${told(cell)}`;
    link.dataset.target = data.targets[Number(field.target.value)];
    link.dataset.text = `ops/${data.operators[op]}/ /${data.firsts[type]}`;
    box.className = name;
    box.append(link);
    return box;
  };

  data.targets.forEach((name, index) => {
    const option = document.createElement("option");
    option.value = String(index);
    option.textContent = name;
    field.target.append(option);
  });
  let timer = 0;
  field.text.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(draw, 90); });
  for (const name of ["target", "version", "show"]) field[name].addEventListener("change", draw);
  form.addEventListener("submit", (event) => { event.preventDefault(); draw(); });
  form.hidden = false;
  $("m-scroll").hidden = false;
  draw();
};
