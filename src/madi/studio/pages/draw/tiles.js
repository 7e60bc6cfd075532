// Numbers as pictures: each tile a small canvas, one pixel a number.  Magnitudes lead away from the paper's colour:
// to ink for pictures, to blue above and orange below zero for signed ones.
const parse = (text) => {
  const hex = text.trim().replace("#", "");
  return [0, 2, 4].map((i) => parseInt(hex.slice(i, i + 2), 16) || 0);
};

export default {
  template: `
    <div class="tiles" role="img" :aria-label="label">
      <figure v-for="i in count" :key="i">
        <canvas :width="width" :height="height" :style="{ width: width * zoom + 'px' }"></canvas>
        <figcaption v-if="captions.length"><b>{{ captions[i - 1][0] }}</b><span>{{ captions[i - 1][1] }}</span></figcaption>
      </figure>
    </div>`,
  props: { captions: { type: Array, default: () => [] }, count: Number, height: Number, width: Number, levels: String, signed: Boolean, zoom: Number, label: String },
  mounted() {
    this.paint();
  },
  watch: {
    levels() {
      this.$nextTick(this.paint); // when there are as many canvases as pictures
    },
  },
  methods: {
    paint() {
      const style = getComputedStyle(this.$el);
      const colour = (name) => parse(style.getPropertyValue(name));
      const [paper, above, below] = [colour("--tile"), colour(this.signed ? "--lead" : "--ink"), colour("--warm")];
      const bytes = atob(this.levels);
      const size = this.width * this.height;
      this.$el.querySelectorAll("canvas").forEach((canvas, tile) => {
        const image = new ImageData(this.width, this.height);
        for (let i = 0; i < size; i += 1) {
          const level = bytes.charCodeAt(tile * size + i);
          const value = this.signed ? (level > 127 ? level - 256 : level) / 127 : level / 255;
          const [end, share] = [value < 0 ? below : above, Math.abs(value)];
          for (let c = 0; c < 3; c += 1) image.data[4 * i + c] = paper[c] + (end[c] - paper[c]) * share;
          image.data[4 * i + 3] = 255;
        }
        canvas.getContext("2d").putImageData(image, 0, 0);
      });
    },
  },
};
