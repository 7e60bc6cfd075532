// What a network says of a drawing: the likeliest digit large, a bar for each.
export default {
  template: `
    <div class="reading" :data-answered="number">
      <div class="leading" :class="{ unsure: best < 0.5, empty: !drawn }">
        <div class="digit" aria-hidden="true">{{ drawn ? classes[place] : "?" }}</div>
        <div class="said" role="status">{{ drawn ? says.replace("#", classes[place]) : nothing }}</div>
      </div>
      <ol class="bars" :aria-label="label">
        <li v-for="(name, i) in classes" :key="name" :class="{ first: drawn && i === place }">
          <span class="name">{{ name }}</span>
          <span class="track"><span class="bar" :style="{ transform: 'scaleX(' + (drawn ? values[i] : 0) + ')' }"></span></span>
          <span class="share">{{ drawn ? percent(values[i]) : "" }}</span>
        </li>
      </ol>
    </div>`,
  props: { number: Number, classes: Array, values: Array, drawn: Boolean, says: String, nothing: String, label: String },
  computed: {
    best() {
      return Math.max(...this.values);
    },
    place() {
      return this.values.indexOf(this.best);
    },
  },
  methods: {
    percent(value) {
      return (100 * value).toFixed(1) + "%";
    },
  },
};
