// A shopping cart: items, discounts, and what there is to pay.

export interface Product {
  id: string;
  name: string;
  price: number;
  category: "book" | "food" | "tool";
}

export interface CartItem {
  product: Product;
  quantity: number;
}

export type Discount =
  | { kind: "percent"; code: string; percent: number }
  | { kind: "amount"; code: string; amount: number };

export class CartError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "CartError";
  }
}

const TAX_RATES: Record<Product["category"], number> = {
  book: 0.07,
  food: 0.07,
  tool: 0.19,
};

export class Cart {
  private readonly items = new Map<string, CartItem>();
  private discount: Discount | undefined;

  add(product: Product, quantity = 1): void {
    if (quantity <= 0) {
      throw new CartError(`cannot add ${quantity} of ${product.name}`);
    }
    const item = this.items.get(product.id);
    if (item) {
      item.quantity += quantity;
    } else {
      this.items.set(product.id, { product, quantity });
    }
  }

  remove(productId: string, quantity = 1): void {
    const item = this.items.get(productId);
    if (!item) {
      throw new CartError(`there is no ${productId} in the cart`);
    }
    item.quantity -= quantity;
    if (item.quantity <= 0) {
      this.items.delete(productId);
    }
  }

  apply(discount: Discount): void {
    if (discount.kind === "percent" && (discount.percent < 0 || discount.percent > 100)) {
      throw new CartError(`a discount of ${discount.percent}% makes no sense`);
    }
    this.discount = discount;
  }

  get count(): number {
    let count = 0;
    for (const item of this.items.values()) {
      count += item.quantity;
    }
    return count;
  }

  get subtotal(): number {
    return [...this.items.values()].reduce(
      (sum, item) => sum + item.product.price * item.quantity,
      0,
    );
  }

  get tax(): number {
    return [...this.items.values()].reduce(
      (sum, item) => sum + item.product.price * item.quantity * TAX_RATES[item.product.category],
      0,
    );
  }

  get total(): number {
    const total = this.subtotal + this.tax;
    if (!this.discount) {
      return total;
    }
    switch (this.discount.kind) {
      case "percent":
        return total * (1 - this.discount.percent / 100);
      case "amount":
        return Math.max(0, total - this.discount.amount);
    }
  }

  toJSON(): { items: CartItem[]; total: number } {
    return { items: [...this.items.values()], total: this.total };
  }
}

export function formatPrice(price: number, currency = "EUR"): string {
  return new Intl.NumberFormat("en", { style: "currency", currency }).format(price);
}

export async function loadProducts(url: string): Promise<Product[]> {
  const response = await fetch(url);
  if (!response.ok) {
    throw new CartError(`cannot load products: ${response.status}`);
  }
  return (await response.json()) as Product[];
}
