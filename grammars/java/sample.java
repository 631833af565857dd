package store;

import java.util.ArrayList;
import java.util.List;

/** Parts and their prices. */
public class Store {
    private final List<Part> parts = new ArrayList<>();

    public void add(Part part) {
        if (part == null || part.name().isEmpty()) {
            throw new IllegalArgumentException("a part needs a name");
        }
        parts.add(part);
    }

    @Override
    public String toString() {
        StringBuilder text = new StringBuilder("(");
        for (Part part : parts) {
            text.append(part.name()).append(',').append(' ');
        }
        return text.append(')').toString();
    }

    public double total(double rate) {
        double sum = 0;
        try {
            sum = parts.stream().mapToDouble(part -> part.price() * rate).sum();
        } catch (ArithmeticException error) {
            sum = Double.NaN;
        } finally {
            parts.clear();
        }
        return sum;
    }
}
