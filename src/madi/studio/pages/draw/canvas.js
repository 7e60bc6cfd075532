// A sheet to draw on with mouse, touch or pen.  What is drawn goes out as a small bitmap, at most once a frame, and
// only when the bitmap before has been answered: so that answers never lag behind what is seen.
const SIDE = 280; // of the sheet, in its own units
const BITMAP = 112; // of what is sent
const PEN = 22;
const PATIENCE = 1000; // milliseconds without an answer after which one is lost

export default {
  template: `
    <canvas ref="sheet" class="sheet" tabindex="0" role="img" :aria-label="label" :width="pixels" :height="pixels"
      @pointerdown="begin" @pointermove="go" @pointerup="end" @pointercancel="end" @keydown="key"></canvas>`,
  props: { label: String, answered: Number },
  data: () => ({ pixels: SIDE }),
  created() {
    this.strokes = [];
    this.stroke = null;
    this.sent = 0;
    this.sentAt = 0;
    this.waiting = false;
    this.small = document.createElement("canvas");
    this.small.width = this.small.height = BITMAP;
    this.pen = this.small.getContext("2d", { willReadFrequently: true });
  },
  mounted() {
    this.pixels = Math.round(SIDE * Math.min(window.devicePixelRatio || 1, 3));
    this.$nextTick(this.redraw);
    document.addEventListener("keydown", this.shortcut);
  },
  unmounted() {
    document.removeEventListener("keydown", this.shortcut);
  },
  watch: {
    answered() {
      if (this.waiting) this.ask();
    },
  },
  methods: {
    point(event) {
      const box = this.$refs.sheet.getBoundingClientRect();
      return [((event.clientX - box.left) / box.width) * SIDE, ((event.clientY - box.top) / box.height) * SIDE];
    },
    begin(event) {
      if (this.stroke || event.button !== 0) return;
      event.preventDefault();
      this.$refs.sheet.focus({ preventScroll: true });
      this.$refs.sheet.setPointerCapture(event.pointerId);
      this.stroke = { id: event.pointerId, points: [this.point(event)] };
      this.strokes.push(this.stroke.points);
      this.mark(this.stroke.points);
    },
    go(event) {
      if (!this.stroke || event.pointerId !== this.stroke.id) return;
      const events = event.getCoalescedEvents ? event.getCoalescedEvents() : [];
      const from = this.stroke.points.length - 1;
      for (const each of events.length ? events : [event]) this.stroke.points.push(this.point(each));
      this.mark(this.stroke.points.slice(from));
    },
    end(event) {
      if (this.stroke && event.pointerId === this.stroke.id) this.stroke = null;
    },
    key(event) {
      if (event.key === "Delete" || event.key === "Backspace") {
        event.preventDefault();
        this.clear();
      }
    },
    shortcut(event) {
      const writes = event.target.closest && event.target.closest("input, textarea, [contenteditable=true]");
      if (writes) return;
      if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "z") {
        event.preventDefault();
        this.undo();
      } else if (event.key === "Escape") {
        this.clear();
      }
    },
    undo() {
      this.stroke = null;
      this.strokes.pop();
      this.redraw();
      this.ask();
    },
    clear() {
      if (!this.strokes.length) return;
      this.stroke = null;
      this.strokes = [];
      this.redraw();
      this.ask();
    },
    redraw() {
      this.ink = getComputedStyle(this.$refs.sheet).getPropertyValue("--ink").trim() || "#000";
      for (const surface of this.surfaces()) surface.pen.clearRect(0, 0, surface.side, surface.side);
      for (const points of this.strokes) this.line(points);
    },
    mark(points) {
      this.line(points);
      this.ask();
    },
    surfaces() {
      return [
        { pen: this.$refs.sheet.getContext("2d"), side: this.pixels, ink: this.ink },
        { pen: this.pen, side: BITMAP, ink: "#000" },
      ];
    },
    line(points) {
      for (const { pen, side, ink } of this.surfaces()) {
        const scale = side / SIDE;
        pen.strokeStyle = ink;
        pen.lineWidth = PEN * scale;
        pen.lineCap = pen.lineJoin = "round";
        pen.beginPath();
        pen.moveTo(points[0][0] * scale, points[0][1] * scale);
        for (const [x, y] of points) pen.lineTo(x * scale, y * scale);
        pen.stroke();
      }
    },
    ask() {
      this.waiting = true;
      if (!this.planned) this.planned = requestAnimationFrame(this.send);
    },
    send() {
      this.planned = null;
      const now = performance.now();
      if (this.answered < this.sent && now - this.sentAt < PATIENCE) return; // the answer asks again
      this.waiting = false;
      this.sentAt = now;
      this.sent += 1;
      this.$refs.sheet.dataset.sent = this.sent; // by which it can be told how long an answer takes
      this.$emit("drawn", { number: this.sent, strokes: this.strokes.length, bitmap: this.encoded() });
    },
    encoded() {
      const data = this.pen.getImageData(0, 0, BITMAP, BITMAP).data;
      const bytes = new Array(BITMAP * BITMAP);
      for (let i = 0; i < bytes.length; i += 1) bytes[i] = String.fromCharCode(data[4 * i + 3]);
      return btoa(bytes.join(""));
    },
    renew() {
      this.ask(); // what is drawn is to be read again, by another network
    },
  },
};
